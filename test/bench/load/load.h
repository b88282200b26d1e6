// A load: many clients, their operations, and what was seen of them. It measures nothing of the proxy:
// whoever runs it does, while the load rests between its phases.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/bench/load/client.h"
#include "test/bench/load/plan.h"
#include "test/bench/load/tls.h"

namespace postern::bench {

using Clock = std::chrono::steady_clock;

struct LoadSettings {
  Scenario scenario = Scenario::handshake;
  Protocol protocol = Protocol::imap;
  Tls tls = Tls::implicit;
  std::string groups = "X25519";
  std::string server_name = "localhost";
  std::uint16_t port = 0;  // of 127.0.0.1
  unsigned together = 1;   // clients at work at any time
  // Operations begin until `count` have, or where it is 0, until `time` is over.
  std::uint64_t count = 0;
  std::chrono::milliseconds time{1000};
  std::chrono::milliseconds pace{0};  // between the beginnings of two operations of a client
  std::chrono::milliseconds patience{30000};  // for one operation
  std::uint64_t message = 8U << 20;           // octets of the message that is sent
};

struct LoadReport {
  std::uint64_t operations = 0;
  std::uint64_t octets = 0;  // of messages, both ways
  std::uint64_t errors = 0;
  std::map<std::string, unsigned> reasons;  // of errors, the first few kinds
  std::chrono::duration<double> took{0};
  std::vector<float> latencies;  // of each operation, in microseconds
  // Of all TLS handshakes.
  std::uint64_t handshakes = 0;
  std::uint64_t resumed = 0;
  std::map<std::string, std::uint64_t> tls;  // TlsConnection::facts() and how often
};

class Load {
 public:
  explicit Load(const LoadSettings& settings);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load();

  // Opens what lasts: sessions of those scenarios that have some, tickets to resume. Gives what came of
  // it: `operations` are clients that are ready.
  LoadReport open();
  // The load itself; once.
  LoadReport work();
  // Ends the sessions politely.
  void close();

 private:
  // One after the other or all at once, until each client has come to an end of `script`.
  void run_each(const Script& script, unsigned at_once);
  void begin(std::size_t client, const Script& script);
  void note_end(std::size_t client);
  void note_tls(const Client& client);
  void poll(std::chrono::milliseconds wait);
  void end_overdue();
  void begin_due(Clock::time_point end);
  bool may_begin(Clock::time_point end) const;

  LoadSettings settings_;
  Plan plan_;
  TlsContext tls_;
  ClientSettings shared_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Clock::time_point> begun_;
  std::vector<std::size_t> ended_;  // since they were last looked at
  std::multimap<Clock::time_point, std::size_t> due_;
  std::size_t running_ = 0;
  std::uint64_t started_ = 0;
  Clock::time_point next_look_{};
  LoadReport report_;
};

}  // namespace postern::bench
