// A keyed hash: names that must not be kept as typed can still be counted, and, with a key that
// lasts, be found again after a restart.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "tls/error.h"

namespace postern::tls {

// HMAC-SHA-256 (RFC 2104), cut to 128 bits. Immutable; any thread.
class KeyedHash {
 public:
  static constexpr std::size_t kKeySize = 32;
  using Key = std::array<std::uint8_t, kKeySize>;

  KeyedHash();  // a random key of this process
  explicit KeyedHash(const Key& key) : key_(key) {}
  KeyedHash(const KeyedHash&) = default;
  KeyedHash& operator=(const KeyedHash&) = default;
  ~KeyedHash();  // wipes the key

  // The key that the file holds: kKeySize octets, nothing else. Where there is no file, one is made
  // with a random key, for its owner alone (0600), whole or not at all; when several processes do
  // so at once, all get the same key. Blocking. Errors name the file: it cannot be read or made, it
  // is no regular file, others than its owner may use it, its size is another.
  static Result<KeyedHash> load_or_make(const std::string& path);

  // 32 hexadecimal digits.
  std::string hex(std::string_view text) const;

 private:
  Key key_;
};

}  // namespace postern::tls
