// The embedded legacy mail server of `postern demo`: plain SMTP, IMAP and POP3 with the capability
// lists of an Exchange 2003, one user, one mailbox in memory. It knows no TLS, which is the point.
// For demonstrations and tests on loopback; nothing else should ever reach it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/demo/connection.h"
#include "proxy/demo/mailbox.h"
#include "tls/error.h"

namespace postern::demo {

struct LegacyOptions {
  std::string hostname = "legacy.example.com";
  std::string user = "anna";
  std::string password = "fortress";
  // Gives the time for greetings and messages; called from any thread.
  std::function<std::chrono::system_clock::time_point()> now;
};

struct LegacyPorts {
  std::uint16_t smtp = 0;
  std::uint16_t imap = 0;
  std::uint16_t pop3 = 0;
};

// What one session has to know: outlives all sessions.
struct LegacySite {
  LegacyOptions options;
  Mailbox mailbox;
};

// One session each, from greeting to farewell; they return when it is over, and log nothing.
void serve_smtp(Connection& client, LegacySite& site);
void serve_imap(Connection& client, LegacySite& site);
void serve_pop3(Connection& client, LegacySite& site);

class LegacyServer {
 public:
  // Connections at a time, all protocols together; one more is told so and closed.
  static constexpr std::size_t kMaxSessions = 64;

  // Listens on 127.0.0.1, on ports that the system chooses, and serves with threads of its own.
  static tls::Result<std::unique_ptr<LegacyServer>> start(LegacyOptions options);
  LegacyServer(const LegacyServer&) = delete;
  LegacyServer& operator=(const LegacyServer&) = delete;
  // Ends all sessions at once, and waits for all threads.
  ~LegacyServer();

  LegacyPorts ports() const;
  Mailbox& mailbox() { return site_.mailbox; }

 private:
  struct Service;
  struct Session {
    explicit Session(int descriptor) : connection(descriptor) {}
    Connection connection;
    std::atomic<bool> is_over = false;
    std::thread thread;
  };

  explicit LegacyServer(LegacyOptions options);
  std::string listen();
  void accept_all();
  void accept_one(const Service& service);
  void join_ended();
  void wake();

  LegacySite site_;
  std::vector<Service> services_;
  int wake_read_ = -1;
  int wake_write_ = -1;
  std::atomic<bool> is_stopping_ = false;
  std::list<Session> sessions_;  // of the accepting thread, until it has been joined
  std::thread accepting_;
};

}  // namespace postern::demo
