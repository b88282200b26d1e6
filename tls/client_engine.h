// One TLS connection, client side, as a transformer like the server's (engine.h): plain bytes in, cipher
// bytes out, and back. No socket. Not thread-safe; lives on its session's worker.
//
//   handshaking --ok--> open --peer's close_notify--> ended
//        |                |
//        +--- failed <----+   (the alert for the peer is in the output)
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tls/client_context.h"
#include "tls/octets.h"

namespace postern::tls {

// What is known of a connection once its handshake is complete: constants.
struct ClientFacts {
  std::string_view version;  // "1.2", "1.3"
  std::string_view cipher;   // IANA name
  std::string_view curve;    // group's name
  bool resumed = false;
};

// Of the server's leaf, for people who set a backend up.
struct ServerCertificate {
  std::string subject;  // one line of printable ASCII
  std::string names;    // that it is for, in the same manner
  std::chrono::system_clock::time_point not_after;
  Pin pin{};
};

enum class ClientFailure {
  none,
  not_tls,      // the first octet is no TLS record's: the server speaks in clear
  certificate,  // it is not the one that is expected
  handshake,    // no shared version or cipher suite, an alert of the server's
  broken,       // against the protocol, or behind the handshake
};

class ClientEngine {
 public:
  enum class State { handshaking, open, ended, failed };

  // `context`, never null, is kept alive by the engine.
  explicit ClientEngine(std::shared_ptr<const ClientContext> context);
  ClientEngine(const ClientEngine&) = delete;
  ClientEngine& operator=(const ClientEngine&) = delete;
  ~ClientEngine();

  // Appends the ClientHello to `output`. Once, before all others.
  void start(std::string& output);

  // As Engine::receive(), and never waits.
  State receive(std::string_view cipher, Octets& plain, std::string& output);
  // As Engine::seal() and close().
  void seal(std::string_view plain, std::string& output);
  void close(std::string& output);

  State state() const { return state_; }
  // From open on; before that, all empty.
  const ClientFacts& facts() const { return facts_; }
  // Why it failed, in words for an administrator: "the certificate expired on 2026-01-31". Printable
  // ASCII, at most some hundred octets; names in it are what the server's certificate says.
  ClientFailure failure() const { return failure_; }
  const std::string& failure_text() const { return failure_text_; }
  // In states open and ended. All empty where it cannot be read, which then was not asked for.
  ServerCertificate certificate() const;

 private:
  struct Native;

  void shake_hands();
  void decrypt(Octets& plain);
  void settle(int result);
  void fail(ClientFailure failure, std::string text);
  void forget_offered();

  std::unique_ptr<Native> native_;
  ClientFacts facts_;
  std::string failure_text_;
  State state_ = State::handshaking;
  ClientFailure failure_ = ClientFailure::none;
};

}  // namespace postern::tls
