// See keyed_hash.h.
#include "tls/keyed_hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace postern::tls {

KeyedHash::KeyedHash() { RAND_bytes(key_.data(), key_.size()); }

std::string KeyedHash::hex(std::string_view text) const {
  constexpr std::size_t kOctets = 16;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key_.data(), key_.size(), reinterpret_cast<const std::uint8_t*>(text.data()),
       text.size(), digest.data(), &length);
  std::string hex;
  for (std::size_t i = 0; i < kOctets; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 0xf];
  }
  return hex;
}

}  // namespace postern::tls
