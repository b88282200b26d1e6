// The JSON line of an event.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/audit/events.h"

namespace postern::audit {

// This node, as every event names it.
struct Observer {
  std::string name;
  std::string version;
};

// One line with its newline: flat dotted keys, constants first and what a client controls last,
// each such value cut to 256 octets and escaped to ASCII, so that a reader that goes by the
// beginning of a line cannot be misled. A key without a value is left out.
std::string json_line(const Event& event, std::uint64_t sequence, const Observer& observer);

}  // namespace postern::audit
