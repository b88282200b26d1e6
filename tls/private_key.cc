// See private_key.h.
#include "tls/private_key.h"

#include <algorithm>

#include "tls/certificate.h"

namespace postern::tls {

namespace {

using Key = bssl::UniquePtr<EVP_PKEY>;

constexpr const char* kConvert =
    "; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in FILE -out "
    "NEWFILE`";

constexpr int kShortestRsa = 1024;  // bits; clients refuse below 2048, which is only warned of

// RFC 8446 section 4.2.3.
bool has_known_curve(const EVP_PKEY* key) {
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_X9_62_prime256v1:
    case NID_secp384r1:
    case NID_secp521r1:
      return true;
    default:
      return false;
  }
}

// Whether BoringSSL lacks what the key is encrypted with, or it may be opened with another passphrase.
bool is_of_unknown_cipher(std::uint32_t error) {
  if (ERR_GET_LIB(error) != ERR_LIB_PKCS8) return false;
  switch (ERR_GET_REASON(error)) {
    case PKCS8_R_UNKNOWN_ALGORITHM:
    case PKCS8_R_UNKNOWN_CIPHER:
    case PKCS8_R_UNKNOWN_CIPHER_ALGORITHM:
    case PKCS8_R_UNKNOWN_DIGEST:
    case PKCS8_R_UNKNOWN_HASH:
    case PKCS8_R_UNSUPPORTED_CIPHER:
    case PKCS8_R_UNSUPPORTED_KEYLENGTH:
    case PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION:
    case PKCS8_R_UNSUPPORTED_OPTIONS:
    case PKCS8_R_UNSUPPORTED_PRF:
    case PKCS8_R_UNSUPPORTED_SALT_TYPE:
      return true;
    default:
      return false;
  }
}

Result<Key> open_encrypted(const PemBlock& block, const std::string& name,
                           const Passphrase& passphrase) {
  const auto the_key = "the key in " + name;
  if (block.label != "ENCRYPTED PRIVATE KEY") {
    return Error{the_key +
                 " is encrypted in the form from before PKCS#8, which does not protect it" +
                 kConvert};
  }
  if (passphrase.name.empty()) {
    return Error{the_key +
                 " has a passphrase; state `passphrase_file`, the file that holds it (or "
                 "credential:NAME, where systemd has it)"};
  }
  CBS der;
  CBS_init(&der, reinterpret_cast<const std::uint8_t*>(block.der.data()), block.der.size());
  ERR_clear_error();
  Key key(PKCS8_parse_encrypted_private_key(&der, passphrase.text.data(), passphrase.text.size()));
  const auto error = ERR_peek_error();
  ERR_clear_error();
  if (key) return key;
  if (is_of_unknown_cipher(error)) {
    return Error{the_key + " is encrypted by scrypt or another way that BoringSSL has not" +
                 kConvert};
  }
  return Error{the_key + " is not opened by the passphrase in " + passphrase.name +
               ": it is that of another key, or one of the files is damaged"};
}

}  // namespace

std::string_view first_line(std::string_view file) {
  auto line = file.substr(0, file.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string what_else(std::string_view text, const std::vector<PemBlock>& blocks,
                      const std::string& cure) {
  if (text.empty()) return "the file is empty";
  if (text.front() == 0x30) return "it looks like DER, not PEM; try `" + cure + "`";
  if (blocks.empty()) {
    return text.find("-----BEGIN ") == std::string_view::npos
               ? "it has no PEM block"
               : "something stands before or behind -----BEGIN on its line";
  }
  std::string labels;
  for (const auto& block : blocks) {
    if (labels.find(block.label) == std::string::npos) {
      labels += (labels.empty() ? "" : ", ") + block.label;
    }
  }
  return "it holds only: " + labels;
}

Result<Key> parse_key(std::string_view pem, const std::string& name, const Passphrase& passphrase) {
  const auto blocks = read_pem(pem, name);
  if (!blocks) return blocks.error();
  const auto block = std::find_if(blocks->begin(), blocks->end(),
                                  [](const PemBlock& each) { return each.is_key(); });
  if (block == blocks->end()) {
    if (std::any_of(blocks->begin(), blocks->end(),
                    [](const PemBlock& each) { return each.is_certificate(); })) {
      return Error{name + " holds a certificate and no private key: are chain and key swapped?"};
    }
    return Error{"no private key in " + name + ": " +
                 what_else(pem, *blocks, "openssl pkey -inform der -in FILE -out FILE.pem")};
  }
  if (block->label == "OPENSSH PRIVATE KEY") {
    return Error{"the key in " + name + " is one of SSH; a TLS key in PKCS#8 is needed"};
  }
  Key key;
  if (block->is_encrypted()) {
    auto opened = open_encrypted(*block, name, passphrase);
    if (!opened) return opened.error();
    key = std::move(*opened);
  } else {
    const auto* at = reinterpret_cast<const std::uint8_t*>(block->der.data());
    key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(block->der.size())));
    if (!key) {
      return Error{"the key in " + name + " cannot be read: damaged, or of an unknown kind"};
    }
  }
  const int kind = EVP_PKEY_id(key.get());
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC && kind != EVP_PKEY_ED25519) {
    return Error{"the key in " + name + " is of a kind that TLS has no use for; " +
                 "RSA, ECDSA or Ed25519 is needed"};
  }
  if (kind == EVP_PKEY_RSA && EVP_PKEY_bits(key.get()) < kShortestRsa) {
    return Error{"the key in " + name + " is " + kind_of(key.get()) +
                 ", too short for TLS 1.3's signatures; 2048 bits are needed"};
  }
  if (kind == EVP_PKEY_EC && !has_known_curve(key.get())) {
    return Error{"the key in " + name + " is " + kind_of(key.get()) +
                 ", a curve that TLS has no use for; P-256, P-384 or P-521 is needed"};
  }
  return key;
}

}  // namespace postern::tls
