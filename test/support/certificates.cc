// See certificates.h.
#include "test/support/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "test/support/issued_native.h"

namespace postern::test {

namespace {

void demand(bool good) {
  if (!good) throw std::runtime_error("a test certificate cannot be made");
}

bssl::UniquePtr<EVP_PKEY> make_key(KeyKind kind, int rsa_bits) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (kind == KeyKind::rsa) {
    const bssl::UniquePtr<RSA> rsa(RSA_new());
    const bssl::UniquePtr<BIGNUM> exponent(BN_new());
    demand(BN_set_word(exponent.get(), RSA_F4) == 1 &&
           RSA_generate_key_ex(rsa.get(), rsa_bits, exponent.get(), nullptr) == 1 &&
           EVP_PKEY_set1_RSA(key.get(), rsa.get()) == 1);
  } else if (kind == KeyKind::ed25519) {
    std::array<std::uint8_t, 32> seed;
    RAND_bytes(seed.data(), seed.size());
    key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    demand(key != nullptr);
  } else {
    const bssl::UniquePtr<EC_KEY> curve_key(
        EC_KEY_new_by_curve_name(kind == KeyKind::p224   ? NID_secp224r1
                                 : kind == KeyKind::p384 ? NID_secp384r1
                                 : kind == KeyKind::p521 ? NID_secp521r1
                                                         : NID_X9_62_prime256v1));
    demand(EC_KEY_generate_key(curve_key.get()) == 1 &&
           EVP_PKEY_set1_EC_KEY(key.get(), curve_key.get()) == 1);
  }
  return key;
}

bssl::UniquePtr<X509_NAME> make_name(const std::string& common_name) {
  bssl::UniquePtr<X509_NAME> name(X509_NAME_new());
  if (common_name.empty()) return name;
  demand(X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const std::uint8_t*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1);
  return name;
}

void add_names(X509* certificate, const std::vector<std::string>& names) {
  const bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  for (auto text : names) {
    bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
    std::array<std::uint8_t, 16> octets;
    if (inet_pton(AF_INET, text.c_str(), octets.data()) == 1 ||
        inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) {
      bssl::UniquePtr<ASN1_OCTET_STRING> address(a2i_IPADDRESS(text.c_str()));
      GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
      demand(bssl::PushToStack(all.get(), std::move(name)));
      continue;
    }
    if (text.starts_with("DNS:")) text.erase(0, 4);
    bssl::UniquePtr<ASN1_IA5STRING> dns(ASN1_IA5STRING_new());
    demand(ASN1_STRING_set(dns.get(), text.data(), static_cast<int>(text.size())) == 1);
    const bool is_mail = text.find('@') != std::string::npos;
    GENERAL_NAME_set0_value(name.get(), is_mail ? GEN_EMAIL : GEN_DNS, dns.release());
    demand(bssl::PushToStack(all.get(), std::move(name)));
  }
  demand(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, 0) == 1);
}

void add_ca(X509* certificate) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  constraints->ca = 1;
  demand(X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, 0) == 1);
}

void add_extension(X509* certificate, const char* identifier, std::string_view value) {
  const bssl::UniquePtr<ASN1_OBJECT> object(OBJ_txt2obj(identifier, 1));
  const bssl::UniquePtr<ASN1_OCTET_STRING> octets(ASN1_OCTET_STRING_new());
  demand(ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const std::uint8_t*>(value.data()),
                               static_cast<int>(value.size())) == 1);
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, octets.get()));
  demand(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_purpose(X509* certificate, const std::string& purpose) {
  const bssl::UniquePtr<EXTENDED_KEY_USAGE> all(sk_ASN1_OBJECT_new_null());
  bssl::UniquePtr<ASN1_OBJECT> one(OBJ_txt2obj(purpose.c_str(), 0));
  demand(one && bssl::PushToStack(all.get(), std::move(one)) &&
         X509_add1_ext_i2d(certificate, NID_ext_key_usage, all.get(), 0, 0) == 1);
}

void forbid_signing(X509* certificate) {
  const bssl::UniquePtr<ASN1_BIT_STRING> usage(ASN1_BIT_STRING_new());
  demand(ASN1_BIT_STRING_set_bit(usage.get(), 4, 1) == 1 &&  // keyAgreement: RFC 5280 4.2.1.3
         X509_add1_ext_i2d(certificate, NID_key_usage, usage.get(), 1, 0) == 1);
}

std::string text_in(BIO* bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  demand(BIO_mem_contents(bio, &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

Issued issue(const IssueOptions& options) {
  auto made = std::make_shared<Issued::Native>();
  made->key = options.key_of == nullptr ? make_key(options.kind, options.rsa_bits)
                                        : bssl::UpRef(options.key_of->native().key);
  made->certificate.reset(X509_new());
  X509* const certificate = made->certificate.get();
  const auto name = make_name(options.common_name);
  demand(X509_set_version(certificate, 2) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), options.serial) == 1 &&
         X509_set_subject_name(certificate, name.get()) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), options.not_before) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), options.not_after) != nullptr &&
         X509_set_pubkey(certificate, made->key.get()) == 1);
  if (!options.dns_names.empty()) add_names(certificate, options.dns_names);
  if (!options.purpose.empty()) add_purpose(certificate, options.purpose);
  if (options.is_ca) add_ca(certificate);
  if (!options.may_sign) forbid_signing(certificate);
  // A sequence of one purpose; of one feature, status_request.
  if (options.answers_ocsp) {
    add_extension(certificate, "2.5.29.37", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09");
  }
  if (options.needs_staple)
    add_extension(certificate, "1.3.6.1.5.5.7.1.24", "\x30\x03\x02\x01\x05");
  const auto& issuer = options.issuer == nullptr ? *made : options.issuer->native();
  const auto* const digest = options.uses_sha1 ? EVP_sha1() : EVP_sha256();
  const bool ed25519 = EVP_PKEY_id(issuer.key.get()) == EVP_PKEY_ED25519;
  demand(X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get())) == 1 &&
         X509_sign(certificate, issuer.key.get(), ed25519 ? nullptr : digest) > 0);
  return Issued(std::move(made));
}

std::string revocations(const Issued& issuer, const std::vector<unsigned>& serials,
                        long long next_update) {
  constexpr long long kBegin = 1'700'000'000;
  const auto& native = issuer.native();
  const bssl::UniquePtr<X509_CRL> list(X509_CRL_new());
  const bssl::UniquePtr<ASN1_TIME> last(ASN1_TIME_set(nullptr, kBegin));
  const bssl::UniquePtr<ASN1_TIME> next(ASN1_TIME_set(nullptr, next_update));
  demand(X509_CRL_set_version(list.get(), 1) == 1 &&
         X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(native.certificate.get())) ==
             1 &&
         X509_CRL_set1_lastUpdate(list.get(), last.get()) == 1 &&
         X509_CRL_set1_nextUpdate(list.get(), next.get()) == 1);
  for (const auto serial : serials) {
    bssl::UniquePtr<X509_REVOKED> revoked(X509_REVOKED_new());
    const bssl::UniquePtr<ASN1_INTEGER> number(ASN1_INTEGER_new());
    demand(ASN1_INTEGER_set_uint64(number.get(), serial) == 1 &&
           X509_REVOKED_set_serialNumber(revoked.get(), number.get()) == 1 &&
           X509_REVOKED_set_revocationDate(revoked.get(), last.get()) == 1 &&
           X509_CRL_add0_revoked(list.get(), revoked.release()) == 1);
  }
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  demand(X509_CRL_sort(list.get()) == 1 &&
         X509_CRL_sign(list.get(), native.key.get(), EVP_sha256()) > 0 &&
         PEM_write_bio_X509_CRL(bio.get(), list.get()) == 1);
  return text_in(bio.get());
}

std::string Issued::certificate() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  demand(PEM_write_bio_X509(bio.get(), native_->certificate.get()) == 1);
  return text_in(bio.get());
}

std::string Issued::certificate_der() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(native_->certificate.get(), &der);
  demand(size > 0);
  const std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

std::string Issued::key() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  demand(PEM_write_bio_PrivateKey(bio.get(), native_->key.get(), nullptr, nullptr, 0, nullptr,
                                  nullptr) == 1);
  return text_in(bio.get());
}

std::string Issued::traditional_key() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  switch (EVP_PKEY_id(native_->key.get())) {
    case EVP_PKEY_RSA:
      demand(PEM_write_bio_RSAPrivateKey(bio.get(), EVP_PKEY_get0_RSA(native_->key.get()), nullptr,
                                         nullptr, 0, nullptr, nullptr) == 1);
      return text_in(bio.get());
    case EVP_PKEY_EC:
      demand(PEM_write_bio_ECPrivateKey(bio.get(), EVP_PKEY_get0_EC_KEY(native_->key.get()),
                                        nullptr, nullptr, 0, nullptr, nullptr) == 1);
      return text_in(bio.get());
    default:
      return {};
  }
}

std::string Issued::encrypted_key(std::string passphrase) const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  demand(PEM_write_bio_PKCS8PrivateKey(bio.get(), native_->key.get(), EVP_aes_256_cbc(),
                                       passphrase.data(), static_cast<int>(passphrase.size()),
                                       nullptr, nullptr) == 1);
  return text_in(bio.get());
}

}  // namespace postern::test
