// Which numbers and names are GREASE (RFC 8701): sent so that servers learn to overlook what they do
// not know. For this room's own files only.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::tls {

// Section 2: two equal octets 0x?A.
inline bool is_grease(std::uint16_t number) {
  return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

// An ALPN protocol's name.
inline bool is_grease(std::string_view name) {
  return name.size() == 2 && name[0] == name[1] && (name[0] & 0x0f) == 0x0a;
}

}  // namespace postern::tls
