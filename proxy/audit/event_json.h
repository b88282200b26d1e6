// The JSON line of an event.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/audit/events.h"

namespace postern::audit {

// This node, as every event names it.
struct Observer {
  std::string name;
  std::string version;
};

// What the targets of the log say of an event beside its line.
enum class Level { info, warn, error };
Level level_of(const EventBody& body);
std::string_view name_of(Level level);
std::string_view action_of(const EventBody& body);
// The part that tells of a session; null for events of the node.
const SessionPart* session_of(const EventBody& body);

// Writes events as lines. It keeps what is the same in all of them, so one object for a thread.
class LineWriter {
 public:
  explicit LineWriter(const Observer& observer);

  // Appends one line with its newline: flat dotted keys in the contract's order, constants first
  // and what a client controls last, each text cut to 256 octets of UTF-8 and escaped to ASCII, so
  // that a reader that goes by the beginning of a line cannot be misled. Octets that are no UTF-8
  // become U+FFFD. A key without a value is left out. `chain`: the value of `postern.chain`; "":
  // none.
  void append(std::string& out, const Event& event, std::uint64_t sequence,
              std::string_view chain = {});

 private:
  void append_time(std::string& out, WallTime time);

  std::string observer_;  // its two keys with their values
  std::string second_;    // "2026-11-24T20:00:00" of the last event
  std::chrono::sys_seconds second_of_{};
};

}  // namespace postern::audit
