// See ocsp.h.
//
//   OCSPResponse:  status, [0] { type, OCTET STRING of BasicOCSPResponse }
//   BasicOCSPResponse:  ResponseData, algorithm, signature, [0] certificates
//   ResponseData:  [0] version, responder, time, SingleResponse..., [1] extensions
//   SingleResponse:  CertID, status, thisUpdate, [0] nextUpdate, [1] extensions
//
// RFC 6960 section 4.2.1.
#include "tls/ocsp.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "tls/certificate.h"

namespace postern::tls {

namespace {

using std::chrono::sys_seconds;

constexpr unsigned kContext0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
constexpr unsigned kContext1 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;
constexpr unsigned kContext2 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 2;
// CertStatus, whose tags are implicit.
constexpr unsigned kGood = CBS_ASN1_CONTEXT_SPECIFIC | 0;
constexpr unsigned kRevoked = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;
constexpr unsigned kUnknown = CBS_ASN1_CONTEXT_SPECIFIC | 2;

constexpr std::size_t kMaxResponders = 8;  // certificates in a response

// Object identifiers, as their octets.
constexpr std::string_view kBasicResponse = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
constexpr std::string_view kSha1 = "\x2b\x0e\x03\x02\x1a";
constexpr std::string_view kSha256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01";

struct SignatureAlgorithm {
  std::string_view oid;
  int key;
  const EVP_MD* (*digest)();  // null: the key's own
};
constexpr std::array<SignatureAlgorithm, 7> kAlgorithms = {{
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", EVP_PKEY_RSA, EVP_sha256},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", EVP_PKEY_RSA, EVP_sha384},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", EVP_PKEY_RSA, EVP_sha512},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x02", EVP_PKEY_EC, EVP_sha256},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x03", EVP_PKEY_EC, EVP_sha384},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x04", EVP_PKEY_EC, EVP_sha512},
    {"\x2b\x65\x70", EVP_PKEY_ED25519, nullptr},
}};

std::string_view view(const CBS& octets) {
  return {reinterpret_cast<const char*>(CBS_data(&octets)), CBS_len(&octets)};
}

// What a response says of one certificate.
struct Single {
  std::string_view hash;  // object identifier
  std::string_view issuer_name_hash;
  std::string_view issuer_key_hash;
  std::string_view serial;
  unsigned status = 0;
  std::optional<sys_seconds> revoked;
  sys_seconds this_update;
  std::optional<sys_seconds> next_update;
};

struct Response {
  std::string_view signed_part;
  std::string_view algorithm;  // object identifier
  std::string_view signature;
  std::vector<std::string_view> certificates;  // DER
  std::vector<Single> singles;
};

// The OBJECT IDENTIFIER of an AlgorithmIdentifier, whatever its parameters.
bool read_algorithm(CBS& from, std::string_view& oid) {
  CBS algorithm;
  CBS identifier;
  if (CBS_get_asn1(&from, &algorithm, CBS_ASN1_SEQUENCE) == 0 ||
      CBS_get_asn1(&algorithm, &identifier, CBS_ASN1_OBJECT) == 0) {
    return false;
  }
  oid = view(identifier);
  return true;
}

// "YYYYMMDDHHMMSSZ": RFC 5280 section 4.1.2.5.2.
std::optional<sys_seconds> time_in(std::string_view text) {
  using namespace std::chrono;
  constexpr std::size_t kDigits = 14;
  constexpr int kLastYear = 2200;  // the clock ends in 2262
  if (text.size() != kDigits + 1 || text.back() != 'Z' ||
      !std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = 10 * value + (c - '0');
    return value;
  };
  const year_month_day date{year(std::min(number(0, 4), kLastYear)),
                            month(static_cast<unsigned>(number(4, 2))),
                            day(static_cast<unsigned>(number(6, 2)))};
  const int hour = number(8, 2);
  const int minute = number(10, 2);
  const int second = number(12, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

std::optional<sys_seconds> read_time(CBS& from) {
  CBS time;
  if (CBS_get_asn1(&from, &time, CBS_ASN1_GENERALIZEDTIME) == 0) return std::nullopt;
  return time_in(view(time));
}

bool read_status(CBS& from, Single& single) {
  CBS status;
  if (CBS_get_any_asn1(&from, &status, &single.status) == 0) return false;
  if (single.status != kRevoked) return single.status == kGood || single.status == kUnknown;
  single.revoked = read_time(status);
  return single.revoked.has_value();
}

bool read_single(CBS& from, Single& single) {
  CBS response;
  CBS id;
  CBS name_hash;
  CBS key_hash;
  CBS serial;
  if (CBS_get_asn1(&from, &response, CBS_ASN1_SEQUENCE) == 0 ||
      CBS_get_asn1(&response, &id, CBS_ASN1_SEQUENCE) == 0 || !read_algorithm(id, single.hash) ||
      CBS_get_asn1(&id, &name_hash, CBS_ASN1_OCTETSTRING) == 0 ||
      CBS_get_asn1(&id, &key_hash, CBS_ASN1_OCTETSTRING) == 0 ||
      CBS_get_asn1(&id, &serial, CBS_ASN1_INTEGER) == 0 || CBS_len(&id) != 0 ||
      !read_status(response, single)) {
    return false;
  }
  single.issuer_name_hash = view(name_hash);
  single.issuer_key_hash = view(key_hash);
  single.serial = view(serial);
  const auto this_update = read_time(response);
  if (!this_update) return false;
  single.this_update = *this_update;
  CBS next;
  int has_next = 0;
  if (CBS_get_optional_asn1(&response, &next, &has_next, kContext0) == 0) return false;
  if (has_next != 0) {
    single.next_update = read_time(next);
    if (!single.next_update || CBS_len(&next) != 0) return false;
  }
  return CBS_get_optional_asn1(&response, nullptr, nullptr, kContext1) == 1 &&
         CBS_len(&response) == 0;
}

bool read_data(CBS data, std::vector<Single>& singles) {
  CBS content;
  CBS list;
  CBS skipped;
  unsigned responder = 0;
  if (CBS_get_asn1(&data, &content, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&data) != 0 ||
      CBS_get_optional_asn1(&content, nullptr, nullptr, kContext0) == 0 ||
      CBS_get_any_asn1(&content, &skipped, &responder) == 0 ||
      (responder != kContext1 && responder != kContext2) || !read_time(content) ||
      CBS_get_asn1(&content, &list, CBS_ASN1_SEQUENCE) == 0 ||
      CBS_get_optional_asn1(&content, nullptr, nullptr, kContext1) == 0 || CBS_len(&content) != 0) {
    return false;
  }
  while (CBS_len(&list) != 0) {
    if (!read_single(list, singles.emplace_back())) return false;
  }
  return true;
}

bool read_certificates(CBS& basic, std::vector<std::string_view>& certificates) {
  CBS outer;
  int are_there = 0;
  if (CBS_get_optional_asn1(&basic, &outer, &are_there, kContext0) == 0) return false;
  if (are_there == 0) return true;
  CBS list;
  if (CBS_get_asn1(&outer, &list, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&outer) != 0) return false;
  while (CBS_len(&list) != 0 && certificates.size() < kMaxResponders) {
    CBS certificate;
    if (CBS_get_asn1_element(&list, &certificate, CBS_ASN1_SEQUENCE) == 0) return false;
    certificates.push_back(view(certificate));
  }
  return true;
}

// A BasicOCSPResponse.
bool read_basic(CBS octets, Response& response) {
  CBS basic;
  CBS data;
  CBS signature;
  std::uint8_t unused_bits = 0;
  if (CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&octets) != 0 ||
      CBS_get_asn1_element(&basic, &data, CBS_ASN1_SEQUENCE) == 0 ||
      !read_algorithm(basic, response.algorithm) ||
      CBS_get_asn1(&basic, &signature, CBS_ASN1_BITSTRING) == 0 ||
      CBS_get_u8(&signature, &unused_bits) == 0 || unused_bits != 0 ||
      !read_certificates(basic, response.certificates) || CBS_len(&basic) != 0) {
    return false;
  }
  response.signed_part = view(data);
  response.signature = view(signature);
  return read_data(data, response.singles);
}

// OCSPResponseStatus but for success.
std::string_view word_of(std::uint8_t status) {
  switch (status) {
    case 1:
      return "malformedRequest";
    case 2:
      return "internalError";
    case 3:
      return "tryLater";
    case 5:
      return "sigRequired";
    case 6:
      return "unauthorized";
    default:
      return "an unknown status";
  }
}

// "" or what is wrong.
std::string read_response(std::string_view der, Response& response) {
  const std::string kNone = "is no OCSP response in DER, or is damaged";
  if (der.size() > kMaxStaple) return "is too large for an OCSP response (over 64 KiB)";
  if (der.starts_with("-----BEGIN")) return "looks like PEM; an OCSP response in DER is needed";
  CBS octets;
  CBS_init(&octets, reinterpret_cast<const std::uint8_t*>(der.data()), der.size());
  CBS outer;
  CBS status;
  std::uint8_t number = 0;
  if (CBS_get_asn1(&octets, &outer, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&octets) != 0 ||
      CBS_get_asn1(&outer, &status, CBS_ASN1_ENUMERATED) == 0 ||
      CBS_get_u8(&status, &number) == 0 || CBS_len(&status) != 0) {
    return kNone;
  }
  if (number != 0) {
    return "is no answer of the responder's but its refusal: " + std::string(word_of(number));
  }
  CBS bytes;
  CBS content;
  CBS type;
  CBS basic;
  if (CBS_get_asn1(&outer, &bytes, kContext0) == 0 || CBS_len(&outer) != 0 ||
      CBS_get_asn1(&bytes, &content, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&bytes) != 0 ||
      CBS_get_asn1(&content, &type, CBS_ASN1_OBJECT) == 0 ||
      CBS_get_asn1(&content, &basic, CBS_ASN1_OCTETSTRING) == 0 || CBS_len(&content) != 0 ||
      view(type) != kBasicResponse || !read_basic(basic, response)) {
    return kNone;
  }
  return {};
}

// The hashes of an issuer's name and key, by one digest, and the certificate's serial number.
struct Identity {
  std::string name_hash;
  std::string key_hash;
  std::string serial;
};

template <typename Digest>
std::string digest_by(Digest digest, const EVP_MD* kind) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  if (digest(kind, octets.data(), &size) == 0) return {};
  return {reinterpret_cast<const char*>(octets.data()), size};
}

// The content octets of the serial number's INTEGER.
std::string serial_of(const X509* leaf) {
  std::uint8_t* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der);
  if (size <= 0) return {};
  const bssl::UniquePtr<std::uint8_t> owned(der);
  CBS octets;
  CBS content;
  CBS_init(&octets, der, static_cast<std::size_t>(size));
  if (CBS_get_asn1(&octets, &content, CBS_ASN1_INTEGER) == 0) return {};
  return std::string(view(content));
}

// Null where it is not one that is checked.
const EVP_MD* hash_of(const Single& single) {
  return single.hash == kSha1 ? EVP_sha1() : single.hash == kSha256 ? EVP_sha256() : nullptr;
}

bool is_about(const Single& single, const X509* leaf, const X509* issuer) {
  const EVP_MD* const kind = hash_of(single);
  if (kind == nullptr) return false;
  const auto name = [&](const EVP_MD* by, std::uint8_t* out, unsigned* size) {
    return X509_NAME_digest(X509_get_subject_name(issuer), by, out, size);
  };
  const auto key = [&](const EVP_MD* by, std::uint8_t* out, unsigned* size) {
    return X509_pubkey_digest(issuer, by, out, size);
  };
  return single.serial == serial_of(leaf) && single.issuer_name_hash == digest_by(name, kind) &&
         single.issuer_key_hash == digest_by(key, kind);
}

// kAlgorithms.end() where it is not one that is checked.
const SignatureAlgorithm* algorithm_of(const Response& response) {
  return std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                      [&](const auto& each) { return each.oid == response.algorithm; });
}

bool is_signed_by(const Response& response, EVP_PKEY* key) {
  const auto* const algorithm = algorithm_of(response);
  if (algorithm == kAlgorithms.end() || key == nullptr || EVP_PKEY_id(key) != algorithm->key) {
    return false;
  }
  bssl::ScopedEVP_MD_CTX context;
  const auto* const digest = algorithm->digest == nullptr ? nullptr : algorithm->digest();
  const auto octets = [](std::string_view text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
  };
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), octets(response.signature), response.signature.size(),
                          octets(response.signed_part), response.signed_part.size()) == 1;
}

// A certificate of the response's own that the issuer made for answering: RFC 6960 section 4.2.2.2.
bssl::UniquePtr<X509> delegate_in(std::string_view der, X509* issuer) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(der.data());
  bssl::UniquePtr<X509> responder(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const bssl::UniquePtr<EVP_PKEY> issuer_key(X509_get_pubkey(issuer));
  if (!responder || !issuer_key ||
      X509_NAME_cmp(X509_get_issuer_name(responder.get()), X509_get_subject_name(issuer)) != 0 ||
      X509_get_ext_by_NID(responder.get(), NID_ext_key_usage, -1) < 0 ||
      (X509_get_extended_key_usage(responder.get()) & XKU_OCSP_SIGN) == 0 ||
      X509_verify(responder.get(), issuer_key.get()) != 1) {
    return nullptr;
  }
  return responder;
}

// Who signed the response: the issuer, or its delegate. Null where it was neither.
bssl::UniquePtr<X509> signer_of(const Response& response, X509* issuer) {
  const auto key_of = [](X509* certificate) {
    return bssl::UniquePtr<EVP_PKEY>(X509_get_pubkey(certificate));
  };
  if (is_signed_by(response, key_of(issuer).get())) return bssl::UpRef(issuer);
  for (const auto der : response.certificates) {
    auto delegate = delegate_in(der, issuer);
    if (delegate && is_signed_by(response, key_of(delegate.get()).get())) return delegate;
  }
  return nullptr;
}

}  // namespace

Result<Staple> read_staple(std::string_view der, const std::string& name, X509* leaf,
                           X509* issuer) {
  Response response;
  if (const auto fault = read_response(der, response); !fault.empty()) {
    return Error{name + " " + fault};
  }
  const auto single =
      std::find_if(response.singles.begin(), response.singles.end(),
                   [&](const Single& each) { return is_about(each, leaf, issuer); });
  if (single == response.singles.end()) {
    const auto may_be = [&](const Single& each) {
      return hash_of(each) == nullptr && each.serial == serial_of(leaf);
    };
    if (std::any_of(response.singles.begin(), response.singles.end(), may_be)) {
      return Error{name +
                   " names its certificate by another hash than SHA-1 and SHA-256, which "
                   "postern does not check"};
    }
    return Error{name + " is about another certificate"};
  }
  if (algorithm_of(response) == kAlgorithms.end()) {
    return Error{name +
                 " is signed by an algorithm that postern does not check: PKCS #1 or ECDSA "
                 "with SHA-256, SHA-384 or SHA-512, or Ed25519, is needed"};
  }
  const auto signer = signer_of(response, issuer);
  ERR_clear_error();
  if (!signer) {
    return Error{name + " is not signed by the certificate's issuer, nor by a responder of its"};
  }
  if (single->status == kRevoked) {
    return Error{name + " says that the certificate was REVOKED on " + date_text(*single->revoked)};
  }
  if (single->status == kUnknown) {
    return Error{name + " says that the responder does not know the certificate"};
  }
  if (!single->next_update) {
    return Error{name + " does not say until when it holds (it has no nextUpdate)"};
  }
  Staple staple{std::string(der), single->this_update, *single->next_update};
  if (X509_cmp(signer.get(), issuer) != 0) {
    using std::chrono::floor;
    using std::chrono::seconds;
    staple.from = std::max(staple.from, floor<seconds>(time_of(X509_get0_notBefore(signer.get()))));
    staple.until =
        std::min(staple.until, floor<seconds>(time_of(X509_get0_notAfter(signer.get()))));
  }
  return staple;
}

}  // namespace postern::tls
