// See leaf.h.
#include "tls/leaf.h"

#include <array>
#include <cstdint>

#include "tls/certificate.h"
#include "tls/hex.h"
#include "tls/native.h"

namespace postern::tls {

namespace {

std::string digest_of(const Credentials::Native& native) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  for (const auto& certificate : native.chain) {
    SHA256_Update(&hash, CRYPTO_BUFFER_data(certificate.get()),
                  CRYPTO_BUFFER_len(certificate.get()));
  }
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Final(digest.data(), &hash);
  return hex_of(digest.data(), digest.size());
}

}  // namespace

LeafFacts facts_of(const Credentials& credentials) {
  const auto& native = credentials.native();
  LeafFacts facts;
  facts.digest = digest_of(native);
  facts.key_kind = credentials.key_kind();
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(native.chain.front().get()));
  if (!leaf) return facts;
  facts.serial = serial_text(leaf.get());
  facts.issuer = text_of(X509_get_issuer_name(leaf.get()));
  return facts;
}

}  // namespace postern::tls
