// See leaf.h.
#include "tls/leaf.h"

#include <array>
#include <cstdint>

#include "tls/native.h"

namespace postern::tls {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::string hex(const std::uint8_t* octets, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[octets[i] >> 4U];
    text += kDigits[octets[i] & 0x0FU];
  }
  return text;
}

std::string digest_of(const Credentials::Native& native) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  for (const auto& certificate : native.chain) {
    SHA256_Update(&hash, CRYPTO_BUFFER_data(certificate.get()),
                  CRYPTO_BUFFER_len(certificate.get()));
  }
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Final(digest.data(), &hash);
  return hex(digest.data(), digest.size());
}

std::string serial_of(const X509* leaf) {
  const auto* serial = X509_get0_serialNumber(leaf);
  return hex(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial)));
}

std::string issuer_of(const X509* leaf) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_issuer_name(leaf), 0, XN_FLAG_ONELINE) < 0 ||
      BIO_mem_contents(bio.get(), &octets, &size) == 0) {
    return {};
  }
  return {reinterpret_cast<const char*>(octets), size};
}

std::string kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
      return "RSA " + std::to_string(EVP_PKEY_bits(key));
    case EVP_PKEY_ED25519:
      return "Ed25519";
    default:
      return "ECDSA P-" + std::to_string(EVP_PKEY_bits(key));
  }
}

}  // namespace

LeafFacts facts_of(const Credentials& credentials) {
  const auto& native = credentials.native();
  LeafFacts facts;
  facts.digest = digest_of(native);
  facts.key_kind = kind_of(native.key.get());
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(native.chain.front().get()));
  if (!leaf) return facts;
  facts.serial = serial_of(leaf.get());
  facts.issuer = issuer_of(leaf.get());
  return facts;
}

}  // namespace postern::tls
