// Octets as hexadecimal digits. For this room's own files only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace postern::tls {

// Two digits an octet, in lower case.
inline std::string hex_of(const std::uint8_t* octets, std::size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(2 * count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    text[2 * i] = kDigits[octets[i] >> 4];
    text[2 * i + 1] = kDigits[octets[i] & 0xf];
  }
  return text;
}

}  // namespace postern::tls
