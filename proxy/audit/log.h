// The audit log: takes events from all threads, writes their lines from a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/event_json.h"
#include "proxy/audit/events.h"
#include "proxy/audit/inventory/inventory.h"
#include "proxy/audit/target.h"

namespace postern::audit {

// Where events go. The session knows no more of the audit than this.
class Sink {
 public:
  virtual ~Sink() = default;
  // Takes an event; never blocks. From any thread.
  virtual void record(Event event) = 0;
  // Whether some of it cannot be written for now, so that what is recorded may be lost. From any
  // thread.
  virtual bool is_failing() const { return false; }
};

struct LogOptions {
  Observer observer;
  conf::Chain chain = conf::Chain::off;
  // Gets the events once their lines are written; null: none. Outlives the log.
  inventory::Inventory* inventory = nullptr;
  conf::OnFailure on_failure = conf::OnFailure::go_on;  // for its words on stderr alone
  // A pipe that nobody empties, or a logger that does not keep up, may hold the writer this long;
  // then lines are lost there. One that has failed gets a small part of it, until it works again.
  std::chrono::milliseconds patience{2000};
  std::string syslog_socket = "/dev/log";
  std::string journal_socket = "/run/systemd/journal/socket";
};

// Writing may block (a full disk, a pipe that nobody reads), and formatting costs: neither happens
// on a worker's loop. When more than kMostQueued events wait, further ones are lost; their sequence
// numbers are missing, and an `audit-gap` event says how many. What one target loses the others and
// the inventory still get. A target that fails keeps the line that it could not take, which is tried
// again every second and before each later one; so it is known to work again though nothing happens.
class Log final : public Sink {
 public:
  // Opens the targets (none: events feed the inventory alone). The error has its place in the
  // settings, "line:column: …".
  static std::variant<std::unique_ptr<Log>, std::string> open(
      const std::vector<conf::AuditLog>& targets, LogOptions options);
  ~Log() override { close(); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void record(Event event) override;
  // True from when a write to any target, or to the inventory, has failed, or an event found no
  // room, until all of them have worked again.
  bool is_failing() const override;
  // Events that were lost in this run; one that several targets miss counts for each of them.
  std::uint64_t lost() const { return lost_; }
  // Records that the node starts, and what the run before has left behind: a file
  // or an inventory that was not ended, a chain that cannot be gone on with.
  void record_start();
  // Opens the files anew before the next line is written (logrotate). One that cannot be opened
  // keeps its old descriptor. From any thread; does not wait.
  void reopen();
  // Writes what waits, at most for a few seconds, and ends. Nothing may be recorded afterwards.
  void close();

 private:
  struct Slot {
    std::unique_ptr<Target> target;
    Batch held;                      // the line that it could not take; none: it works
    std::uint64_t lost = 0;          // lines behind that, or too long, not told yet
    bool has_said_too_long = false;  // said once

    bool is_failing() const { return !held.lines.empty(); }
  };
  // The work of one turn of the thread.
  struct Turn {
    std::vector<Event> events;
    std::vector<std::uint64_t> sequences;  // of the events
    bool is_reopening = false;
    bool is_closing = false;
    bool has_dropped = false;
  };
  Log(std::vector<Slot> slots, LogOptions options, std::string chain,
      std::vector<std::string_view> gaps);
  void run();
  Turn next_turn();
  std::string_view consequence() const;
  void reopen_files();
  void write_lines(const Turn& turn);
  void append_line(const Event& event, std::uint64_t sequence);
  void write_batch(Slot& slot);
  bool write_held(Slot& slot);
  void hold(Slot& slot, const Written& written);
  void lose(Slot& slot, std::uint64_t lines);
  bool try_again();
  bool tell_losses(Slot& slot);
  void record_gap(std::string_view reason, std::uint64_t lost);
  void settle();
  bool say_inventory_losses(bool is_closing);
  bool say_last_losses();

  static constexpr std::size_t kMostQueued = 10'000;

  const LogOptions options_;
  const std::vector<std::string_view> gaps_;  // what the run before has left behind

  // Of the thread alone, once it runs.
  std::vector<Slot> slots_;
  LineWriter writer_;
  Batch batch_;
  std::string chain_;  // what the next line carries; "" without a chain
  std::uint64_t inventory_lost_ = 0;
  std::chrono::steady_clock::time_point inventory_said_{};
  bool has_said_last_ = false;
  bool has_said_last_losses_ = false;
  bool is_overflowing_ = false;  // the queue had no room: said once

  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<bool> is_failing_ = false;  // the targets or the queue: reset under mutex_

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::vector<Event> queue_;
  std::vector<std::uint64_t> sequences_;  // of the events in it
  std::uint64_t next_sequence_ = 1;
  std::uint64_t dropped_ = 0;  // found no room, not told yet
  bool is_reopening_ = false;
  bool is_closing_ = false;
  std::thread thread_;
};

}  // namespace postern::audit
