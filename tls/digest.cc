// See digest.h.
#include "tls/digest.h"

#include <array>

#include "tls/boringssl.h"
#include "tls/hex.h"

namespace postern::tls {

std::string sha256_hex(std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest.data());
  return hex_of(digest.data(), digest.size());
}

}  // namespace postern::tls
