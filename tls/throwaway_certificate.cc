// A self-signed certificate for demos and tests. See credentials.h.
#include <algorithm>

#include "tls/boringssl.h"
#include "tls/credentials.h"

namespace postern::tls {

namespace {

constexpr long kHour = 60 * 60;
constexpr long kLife = 30 * 24 * kHour;
constexpr std::size_t kMaxCommonName = 64;  // RFC 5280 appendix A.1, ub-common-name

bssl::UniquePtr<EVP_PKEY> make_key() {
  bssl::UniquePtr<EC_KEY> curve_key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!curve_key || !key || EC_KEY_generate_key(curve_key.get()) == 0 ||
      EVP_PKEY_set1_EC_KEY(key.get(), curve_key.get()) == 0) {
    return nullptr;
  }
  return key;
}

bool add_name(GENERAL_NAMES* names, const std::string& text) {
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  if (!name) return false;
  if (ASN1_OCTET_STRING* const address = a2i_IPADDRESS(text.c_str()); address != nullptr) {
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
  } else {
    ERR_clear_error();
    bssl::UniquePtr<ASN1_IA5STRING> dns(ASN1_IA5STRING_new());
    if (!dns || ASN1_STRING_set(dns.get(), text.data(), static_cast<int>(text.size())) == 0) {
      return false;
    }
    GENERAL_NAME_set0_value(name.get(), GEN_DNS, dns.release());
  }
  return bssl::PushToStack(names, std::move(name));
}

bool add_alternative_names(X509* certificate, const std::vector<std::string>& names) {
  const bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  return all &&
         std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return add_name(all.get(), name); }) &&
         X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, 0) == 1;
}

bool set_names(X509* certificate, const std::string& first) {
  const bssl::UniquePtr<X509_NAME> name(X509_NAME_new());
  const std::string common_name = first.size() <= kMaxCommonName ? first : "postern";
  return name &&
         X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const std::uint8_t*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1 &&
         X509_set_subject_name(certificate, name.get()) == 1 &&
         X509_set_issuer_name(certificate, name.get()) == 1;
}

bool set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&serial), sizeof(serial));
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), (serial >> 1) | 1) == 1;
}

bssl::UniquePtr<X509> make_certificate(EVP_PKEY* key, const std::vector<std::string>& names) {
  bssl::UniquePtr<X509> certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), 2) == 0 ||  // 2 means v3
      !set_serial(certificate.get()) || !set_names(certificate.get(), names.front()) ||
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kHour) == nullptr ||
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLife) == nullptr ||
      X509_set_pubkey(certificate.get(), key) == 0 ||
      !add_alternative_names(certificate.get(), names) ||
      X509_sign(certificate.get(), key, EVP_sha256()) == 0) {
    return nullptr;
  }
  return certificate;
}

std::string text_in(BIO* bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(bio, &bytes, &size) == 0) return {};
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

PemPair make_throwaway_certificate(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const auto key = make_key();
  const auto certificate = key ? make_certificate(key.get(), names) : nullptr;
  const bssl::UniquePtr<BIO> chain_text(BIO_new(BIO_s_mem()));
  const bssl::UniquePtr<BIO> key_text(BIO_new(BIO_s_mem()));
  if (!certificate || !chain_text || !key_text ||
      PEM_write_bio_X509(chain_text.get(), certificate.get()) == 0 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
          0) {
    ERR_clear_error();
    return {};
  }
  return {text_in(chain_text.get()), text_in(key_text.get())};
}

}  // namespace postern::tls
