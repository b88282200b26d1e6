// The sink's sockets: what stands behind every proxy that is measured.
#pragma once

#include <cstdint>
#include <map>

#include "test/bench/load/protocol.h"

namespace postern::bench {

struct SinkSettings {
  std::map<Protocol, std::uint16_t> ports;  // of 127.0.0.1
  std::uint64_t message = 8U << 20;         // octets of the message that FETCH gives
};

// Says "ready" on its standard output, then serves until its standard input ends. Gives the status to
// exit with.
int serve_sink(const SinkSettings& settings);

}  // namespace postern::bench
