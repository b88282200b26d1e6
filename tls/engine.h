// One TLS connection, server side, as a transformer: cipher bytes in, plain bytes out, and back.
// No socket: whoever owns it moves the bytes. Not thread-safe; lives on its session's worker.
//
//   handshaking --ok--> open --peer's close_notify--> ended
//        |                |
//        +--- failed <----+   (the alert for the peer is in the output)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/server_context.h"

namespace postern::tls {

// What is known of a connection once its handshake is complete.
struct Facts {
  std::string version;      // "1.2", "1.3" …
  std::string cipher;       // IANA name
  std::string curve;        // group's name; "" with RSA key exchange
  std::string server_name;  // SNI as sent, lower case; "" where none
  std::string alpn;         // the protocol answered; "" where none
  bool resumed = false;
};

// What the ClientHello offered, kept for failed handshakes. Numbers as on the wire, in order.
struct Offer {
  std::string server_name;
  std::vector<std::uint16_t> versions;
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::string> alpn;
};

enum class Failure {
  none,
  not_tls,              // the first bytes are no TLS record
  no_shared_version,
  no_shared_cipher,
  alpn_refused,
  peer_alert,           // the peer ended it with a fatal alert (bad certificate, unknown CA …)
  protocol_error,       // anything else against the protocol, renegotiation included
};

class Engine {
 public:
  enum class State { handshaking, open, ended, failed };

  // `context` is kept alive by the engine.
  explicit Engine(std::shared_ptr<const ServerContext> context);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Takes all of `cipher`. Appends what it decrypts to `plain`, and what has to be sent to the
  // peer to `output`: that must be sent even when the state is failed (the alert is in it). Takes
  // at most what lies in `cipher`, so `plain` grows by no more than its size. Once the handshake is
  // complete, memory that only it needed is released (facts() stays).
  State receive(std::string_view cipher, std::string& plain, std::string& output);

  // Encrypts `plain`, appending to `output`. Only in state open, or ended (the peer sends no more,
  // but may still be sent to). Post-handshake data (tickets) leaves with it.
  void seal(std::string_view plain, std::string& output);

  // Appends close_notify. Nothing may be sealed afterwards.
  void close(std::string& output);

  State state() const { return state_; }
  // Valid from open on.
  const Facts& facts() const { return *facts_; }
  // Why it failed; BoringSSL's own words are in failure_text() (constant text of the library,
  // no client data).
  Failure failure() const { return failure_; }
  const std::string& failure_text() const { return failure_text_; }
  // What the ClientHello offered: until the handshake is complete, or after it failed; else null.
  const Offer* offer() const;

 private:
  struct Native;
  std::unique_ptr<Native> native_;
  std::unique_ptr<Facts> facts_;
  std::string failure_text_;
  State state_ = State::handshaking;
  Failure failure_ = Failure::none;
};

}  // namespace postern::tls
