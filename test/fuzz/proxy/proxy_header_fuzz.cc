// Any beginning of a stream as a PROXY header. What must hold:
//   - any cutting gives the same: the first octet says how long the pieces are;
//   - it takes all until it has decided, then nothing more, and decides within its bound;
//   - a header that it has read, written anew by the specification's rules, is read the same;
//   - of a broken one nothing is known.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/net/proxy_header.h"

using postern::net::ProxyHeader;
using State = ProxyHeader::State;

namespace {

constexpr std::size_t kLongestV2 = 16 + ProxyHeader::kLongestV2Body;

void demand(bool good) {
  if (!good) std::abort();
}

struct Reading {
  ProxyHeader header;
  std::size_t taken = 0;
};

Reading read(std::string_view bytes, std::size_t piece) {
  Reading reading;
  while (reading.taken < bytes.size() && reading.header.state() == State::reading) {
    const auto part = bytes.substr(reading.taken, piece);
    const auto taken = reading.header.feed(part);
    demand(taken <= part.size());
    demand(reading.header.state() != State::reading || taken == part.size());
    reading.taken += taken;
  }
  if (reading.header.state() != State::reading) demand(reading.header.feed("PROXY ") == 0);
  return reading;
}

// Version 1 of what was read.
std::string written(const ProxyHeader::Ends& ends) {
  const bool is_v4 = ends.source.is_v4() && ends.destination.is_v4();
  if (!is_v4 && (ends.source.is_v4() || ends.destination.is_v4())) return "";  // no such line
  return std::string("PROXY ") + (is_v4 ? "TCP4 " : "TCP6 ") + ends.source.ip() + " " +
         ends.destination.ip() + " " + std::to_string(ends.source.port()) + " " +
         std::to_string(ends.destination.port()) + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(bytes, bytes.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{data[0]} + 1}) {
    const auto other = read(bytes, piece);
    demand(other.header.state() == whole.header.state());
    demand(other.header.ends() == whole.header.ends());
    // Of a broken one it may have taken more or less.
    demand(other.taken == whole.taken || whole.header.state() == State::broken);
  }
  const auto& ends = whole.header.ends();
  switch (whole.header.state()) {
    case State::reading:
      demand(whole.taken == bytes.size() && bytes.size() < kLongestV2 && !ends);
      demand(bytes.empty() || bytes[0] == '\r' || bytes.size() < ProxyHeader::kLongestV1);
      break;
    case State::broken:
      demand(!ends);
      break;
    case State::complete: {
      demand(whole.taken <= (bytes[0] == 'P' ? ProxyHeader::kLongestV1 : kLongestV2));
      const auto line = ends ? written(*ends) : "";
      if (line.empty()) break;
      const auto again = read(line + "x", 7);
      demand(again.header.state() == State::complete && again.taken == line.size());
      demand(again.header.ends() == ends);
      break;
    }
  }
  return 0;
}
