// Bytes that both ends know without holding them: each follows from a seed and its place, so that
// a receiver sees at once when one is missing, doubled or out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::sim {

struct Body {
  // lines: letters in lines of 64 octets with CRLF, the last of them complete.
  enum class Kind { bytes, lines };

  std::uint64_t seed = 0;
  std::size_t size = 0;  // of `lines` a multiple of 64
  Kind kind = Kind::bytes;

  char at(std::size_t place) const;
  // `most` octets from `place` on, fewer where it ends.
  std::string piece(std::size_t place, std::size_t most) const;
  // Whether these are the octets from `place` on.
  bool holds(std::size_t place, std::string_view octets) const;
};

}  // namespace postern::sim
