// The PROXY header by which a balancer says whose connection it passes on: HAProxy's
// proxy-protocol.txt, versions 1 and 2. Reads only; pure, so that strings can drive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/net/address.h"

namespace postern::net {

// Takes the header from the beginning of a stream, however that is cut. It is strict: what is no
// header is broken at the first octet that says so, and nothing is guessed. Keeps at most a line of
// version 1; a broken one stays broken.
class ProxyHeader {
 public:
  // Section 2.1: with CRLF. The longest that it can be with addresses.
  static constexpr std::size_t kLongestV1 = 107;
  // Behind the 16 octets that begin version 2. What is skipped of it (TLVs: names, certificates that
  // a client showed) costs no memory, so this bounds only what nobody sends.
  static constexpr std::size_t kLongestV2Body = 4096;

  enum class State { reading, complete, broken };

  // The connection as the balancer saw it.
  struct Ends {
    Address source;
    Address destination;

    bool operator==(const Ends&) const = default;
  };

  // Takes octets, and gives how many of them belong to the header: all, while it is reading. What
  // follows is the client's own. Of a broken one the octets are of no use.
  std::size_t feed(std::string_view bytes);
  State state() const { return state_; }
  // Of a complete header; none where it names no addresses of TCP (LOCAL, UNKNOWN, sockets of other
  // families): the connection's own hold.
  const std::optional<Ends>& ends() const { return ends_; }

 private:
  void take(char octet);
  void take_v1(char octet);
  void take_v2(char octet);
  void begin_v2_body();
  void end_v1();
  void end_v2();
  void fail() { state_ = State::broken; }

  State state_ = State::reading;
  std::array<char, kLongestV1> head_{};  // a line, or the beginning and the addresses of version 2
  std::size_t size_ = 0;                 // of what head_ holds
  std::size_t wanted_ = 0;               // version 2: how much of it head_ is to hold
  std::size_t to_skip_ = 0;              // version 2: what stands behind that
  std::optional<Ends> ends_;
};

}  // namespace postern::net
