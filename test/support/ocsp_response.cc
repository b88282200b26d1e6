// See ocsp_response.h.
#include "test/support/ocsp_response.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "test/support/issued_native.h"

namespace postern::test {

namespace {

constexpr unsigned kContext0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;

void demand(bool good) {
  if (!good) throw std::runtime_error("an OCSP response cannot be made");
}

void add(CBB* to, std::string_view octets) {
  demand(CBB_add_bytes(to, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()) ==
         1);
}

// `child` must live until `in` is flushed.
void open(CBB* in, CBB* child, unsigned tag) { demand(CBB_add_asn1(in, child, tag) == 1); }

void add_value(CBB* to, unsigned tag, std::string_view octets) {
  CBB value;
  open(to, &value, tag);
  add(&value, octets);
  demand(CBB_flush(to) == 1);
}

void add_algorithm(CBB* to, std::string_view oid, bool has_null) {
  CBB algorithm;
  open(to, &algorithm, CBS_ASN1_SEQUENCE);
  add_value(&algorithm, CBS_ASN1_OBJECT, oid);
  if (has_null) add_value(&algorithm, CBS_ASN1_NULL, "");
  demand(CBB_flush(to) == 1);
}

std::string taken(CBB* from) {
  std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  demand(CBB_finish(from, &octets, &size) == 1);
  std::string text(reinterpret_cast<const char*>(octets), size);
  OPENSSL_free(octets);
  return text;
}

template <typename Digest>
std::string digest_by(Digest digest, const EVP_MD* kind) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  demand(digest(kind, octets.data(), &size) == 1);
  return {reinterpret_cast<const char*>(octets.data()), size};
}

void add_id(CBB* to, const OcspOptions& options) {
  const bool is_sha1 = options.hash == OcspOptions::Hash::sha1;
  const auto* const kind = is_sha1 ? EVP_sha1() : EVP_sha256();
  X509* const issuer = options.issuer->native().certificate.get();
  CBB id;
  open(to, &id, CBS_ASN1_SEQUENCE);
  add_algorithm(&id, is_sha1 ? "\x2b\x0e\x03\x02\x1a" : "\x60\x86\x48\x01\x65\x03\x04\x02\x01",
                true);
  add_value(&id, CBS_ASN1_OCTETSTRING,
            digest_by(
                [issuer](const EVP_MD* by, std::uint8_t* out, unsigned* size) {
                  return X509_NAME_digest(X509_get_subject_name(issuer), by, out, size);
                },
                kind));
  add_value(
      &id, CBS_ASN1_OCTETSTRING,
      digest_by([issuer](const EVP_MD* by, std::uint8_t* out,
                         unsigned* size) { return X509_pubkey_digest(issuer, by, out, size); },
                kind));
  const auto* const serial = X509_get0_serialNumber(options.leaf->native().certificate.get());
  add_value(&id, CBS_ASN1_INTEGER,
            {reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
             static_cast<std::size_t>(ASN1_STRING_length(serial))});
  demand(CBB_flush(to) == 1);
}

void add_single(CBB* to, const OcspOptions& options) {
  CBB single;
  open(to, &single, CBS_ASN1_SEQUENCE);
  add_id(&single, options);
  switch (options.status) {
    case OcspOptions::Status::good:
      add_value(&single, CBS_ASN1_CONTEXT_SPECIFIC | 0, "");
      break;
    case OcspOptions::Status::revoked: {
      CBB revoked;
      open(&single, &revoked, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1);
      add_value(&revoked, CBS_ASN1_GENERALIZEDTIME, "20251224180000Z");
      demand(CBB_flush(&single) == 1);
      break;
    }
    case OcspOptions::Status::unknown:
      add_value(&single, CBS_ASN1_CONTEXT_SPECIFIC | 2, "");
      break;
  }
  add_value(&single, CBS_ASN1_GENERALIZEDTIME, options.this_update);
  if (!options.next_update.empty()) {
    CBB next;
    open(&single, &next, kContext0);
    add_value(&next, CBS_ASN1_GENERALIZEDTIME, options.next_update);
    demand(CBB_flush(&single) == 1);
  }
  demand(CBB_flush(to) == 1);
}

std::string data_of(const OcspOptions& options, const Issued& signer) {
  bssl::ScopedCBB whole;
  demand(CBB_init(whole.get(), 512) == 1);
  CBB data;
  open(whole.get(), &data, CBS_ASN1_SEQUENCE);
  CBB responder;
  open(&data, &responder, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 2);
  add_value(&responder, CBS_ASN1_OCTETSTRING,
            digest_by(
                [&](const EVP_MD* by, std::uint8_t* out, unsigned* size) {
                  return X509_pubkey_digest(signer.native().certificate.get(), by, out, size);
                },
                EVP_sha1()));
  demand(CBB_flush(&data) == 1);
  add_value(&data, CBS_ASN1_GENERALIZEDTIME, options.this_update);
  CBB list;
  open(&data, &list, CBS_ASN1_SEQUENCE);
  add_single(&list, options);
  return taken(whole.get());
}

std::string signature_of(const std::string& data, EVP_PKEY* key) {
  bssl::ScopedEVP_MD_CTX context;
  const auto* const digest = EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  std::vector<std::uint8_t> octets(1024);
  std::size_t size = octets.size();
  demand(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestSign(context.get(), octets.data(), &size,
                        reinterpret_cast<const std::uint8_t*>(data.data()), data.size()) == 1);
  return {reinterpret_cast<const char*>(octets.data()), size};
}

std::string basic_of(const OcspOptions& options) {
  const auto& signer = options.signer == nullptr ? *options.issuer : *options.signer;
  EVP_PKEY* const key = signer.native().key.get();
  const auto data = data_of(options, signer);
  bssl::ScopedCBB whole;
  demand(CBB_init(whole.get(), 1024) == 1);
  CBB basic;
  open(whole.get(), &basic, CBS_ASN1_SEQUENCE);
  add(&basic, data);
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
      add_algorithm(&basic, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", true);
      break;
    case EVP_PKEY_ED25519:
      add_algorithm(&basic, "\x2b\x65\x70", false);
      break;
    default:
      add_algorithm(&basic, "\x2a\x86\x48\xce\x3d\x04\x03\x02", false);
  }
  add_value(&basic, CBS_ASN1_BITSTRING, std::string(1, '\0') + signature_of(data, key));
  if (options.holds_signer) {
    CBB outer;
    open(&basic, &outer, kContext0);
    CBB list;
    open(&outer, &list, CBS_ASN1_SEQUENCE);
    add(&list, signer.certificate_der());
    demand(CBB_flush(&basic) == 1);
  }
  return taken(whole.get());
}

}  // namespace

std::string ocsp_response(const OcspOptions& options) {
  bssl::ScopedCBB whole;
  demand(CBB_init(whole.get(), 1024) == 1);
  CBB response;
  open(whole.get(), &response, CBS_ASN1_SEQUENCE);
  add_value(&response, CBS_ASN1_ENUMERATED, std::string(1, '\0'));
  CBB outer;
  open(&response, &outer, kContext0);
  CBB bytes;
  open(&outer, &bytes, CBS_ASN1_SEQUENCE);
  add_value(&bytes, CBS_ASN1_OBJECT, "\x2b\x06\x01\x05\x05\x07\x30\x01\x01");
  add_value(&bytes, CBS_ASN1_OCTETSTRING, basic_of(options));
  return taken(whole.get());
}

std::string ocsp_refusal(unsigned status) {
  return {'\x30', '\x03', '\x0a', '\x01', static_cast<char>(status)};
}

}  // namespace postern::test
