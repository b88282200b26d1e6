// The audit log: takes events from all threads, writes their lines from a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/event_json.h"
#include "proxy/audit/events.h"

namespace postern::audit {

// Where events go. The session knows no more of the audit than this.
class Sink {
 public:
  virtual ~Sink() = default;
  // Takes an event; never blocks. From any thread.
  virtual void record(Event event) = 0;
};

// Writing may block (a full disk, a pipe that nobody reads), and formatting costs: neither happens
// on a worker's loop. When more than kMostQueued events wait, further ones are lost; their
// sequence numbers are missing, and an `audit-gap` event says how many.
class Log final : public Sink {
 public:
  // Opens the targets: files are appended to, or made with mode 0640. The error has its place in
  // the settings, "line:column: …".
  static std::variant<std::unique_ptr<Log>, std::string> open(
      const std::vector<conf::AuditLog>& targets, Observer observer);
  ~Log() override;  // writes what waits, at most for a few seconds
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void record(Event event) override;

 private:
  struct Numbered {
    std::uint64_t sequence;
    Event event;
  };
  struct Target {
    std::string name;
    int descriptor;
    bool is_failing = false;  // the last write failed: said once
    bool is_torn = false;     // and left a line without its end
  };
  Log(std::vector<Target> targets, Observer observer);
  void run();
  static void write(Target& target, std::string_view lines);
  static std::size_t put(const Target& target, std::string_view bytes);
  void write_batch(std::vector<Numbered>& batch);

  static constexpr std::size_t kMostQueued = 10'000;

  const Observer observer_;
  std::vector<Target> targets_;  // of the thread alone, once it runs
  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::vector<Numbered> queue_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t lost_ = 0;
  bool is_closing_ = false;
  std::thread thread_;
};

}  // namespace postern::audit
