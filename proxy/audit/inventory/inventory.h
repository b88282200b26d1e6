// The login inventory: takes what the audit log has written, rolls it up in SQLite, from a thread of
// its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "proxy/audit/events.h"

namespace postern::audit::inventory {

struct Options {
  std::string path;
  std::string node;  // observer.name
  std::chrono::days keep{400};
};

class Inventory {
 public:
  // Opens or makes the database (mode 0640) and starts the thread. Errors (no such folder, no
  // permission, in use by another postern, a schema of a later version) are for the caller to judge;
  // they name the path.
  static std::variant<std::unique_ptr<Inventory>, std::string> open(Options options);
  virtual ~Inventory() = default;  // writes what waits, marks the run as stopped

  // Whether the run before this one ended without its last word, so that what it had queued is
  // missing.
  virtual bool had_unclean_stop() const = 0;
  // Takes events; never blocks. What does not fit into the queue is counted. From one thread (the
  // log's).
  virtual void take(std::vector<Event> events) = 0;
  // How many events were lost since the last call: did not fit, or could not be written.
  virtual std::uint64_t take_lost() = 0;
  // Whether it cannot be written, or loses events, for now. From any thread.
  virtual bool is_failing() const = 0;
};

}  // namespace postern::audit::inventory
