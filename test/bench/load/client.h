// One simulated client: a connection, and the script it is at.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "test/bench/load/plan.h"
#include "test/bench/load/reply_reader.h"
#include "test/bench/load/tls.h"

namespace postern::bench {

// What all clients of a load share; outlives them.
struct ClientSettings {
  Protocol protocol = Protocol::imap;
  const TlsContext* tls = nullptr;
  bool resumes = false;
  sockaddr_in server{};
  int epoll = -1;
};

class Client {
 public:
  enum class State { resting, running, done, failed };

  // `number` comes back in epoll's events as data.u32, and chooses the address it connects from.
  Client(const ClientSettings& settings, std::uint32_t number);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(); }

  // Connects first where it is not connected. `script` must live until done or failed. Read state()
  // afterwards: it may have come to its end already.
  void run(const Script& script);
  // For an event of epoll (edge-triggered).
  void ready(std::uint32_t events);
  // Fails what is running.
  void give_up(std::string_view why);
  // Says close_notify, and closes.
  void close();

  State state() const { return state_; }
  bool is_connected() const { return descriptor_ >= 0; }
  // Where and why it failed, for a human.
  const std::string& failure() const { return failure_; }
  // Null without TLS, or without a connection.
  const TlsConnection* tls() const { return tls_ ? &*tls_ : nullptr; }
  // Octets of literals in the script's replies.
  std::uint64_t received() const { return received_; }

 private:
  bool connect();
  void enter_step();
  void end_step();
  void flush();
  void read_all(bool to_end);
  void take(std::string_view bytes);
  const Step* step() const;

  const ClientSettings& settings_;
  std::uint32_t number_;
  State state_ = State::resting;
  int descriptor_ = -1;
  bool is_connecting_ = false;
  ReplyReader reader_;
  bssl::UniquePtr<SSL_SESSION> session_;
  std::optional<TlsConnection> tls_;
  const Script* script_ = nullptr;
  std::size_t at_ = 0;
  std::string_view unsent_;  // of the step
  std::string output_;       // for the socket
  std::size_t sent_ = 0;     // of output_
  std::uint64_t received_ = 0;
  std::string failure_;
};

}  // namespace postern::bench
