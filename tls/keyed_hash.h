// A keyed hash with a random key of this process: names that must not be kept as typed can still be
// counted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::tls {

// HMAC-SHA-256 (RFC 2104), cut to 128 bits. Immutable; any thread.
class KeyedHash {
 public:
  KeyedHash();
  // 32 hexadecimal digits.
  std::string hex(std::string_view text) const;

 private:
  std::array<std::uint8_t, 32> key_;
};

}  // namespace postern::tls
