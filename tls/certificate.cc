// See certificate.h.
#include "tls/certificate.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tls/hex.h"

namespace postern::tls {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string common_name(const X509* certificate) {
  const auto* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
}

// Null where there are none, or they are damaged.
bssl::UniquePtr<GENERAL_NAMES> alternative_names(const X509* certificate) {
  return bssl::UniquePtr<GENERAL_NAMES>(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::string padded(unsigned number, std::size_t digits) {
  auto text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

}  // namespace

std::string text_of(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE) < 0 ||
      BIO_mem_contents(bio.get(), &bytes, &size) == 0) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes), size};
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  using Days = std::chrono::duration<int, std::ratio<86400>>;
  constexpr int kMaxDays = 100'000;
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 0) return {};
  return std::chrono::system_clock::time_point(Days(std::clamp(days, 0, kMaxDays))) +
         std::chrono::seconds(seconds);
}

std::string date_text(std::chrono::system_clock::time_point time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  return std::to_string(static_cast<int>(date.year())) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2);
}

std::string minute_text(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::minutes>(time - day));
  return date_text(time) + " " + padded(static_cast<unsigned>(clock.hours().count()), 2) + ":" +
         padded(static_cast<unsigned>(clock.minutes().count()), 2);
}

bool has_alternative_names(const X509* certificate) {
  return X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
}

bool has_names(const X509* certificate) {
  if (!names_of(certificate).empty()) return true;
  const auto alternatives = alternative_names(certificate);
  if (!alternatives) return false;
  for (const GENERAL_NAME* name : alternatives.get()) {
    if (name->type == GEN_IPADD) return true;
  }
  return false;
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const auto alternatives = alternative_names(certificate);
  if (alternatives) {
    for (const GENERAL_NAME* name : alternatives.get()) {
      if (name->type == GEN_DNS) names.push_back(lower(text_of(name->d.dNSName)));
    }
  } else if (!has_alternative_names(certificate)) {
    if (auto name = common_name(certificate); !name.empty()) {
      names.push_back(lower(std::move(name)));
    }
  }
  return names;
}

std::string kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
      return "RSA " + std::to_string(EVP_PKEY_bits(key));
    case EVP_PKEY_ED25519:
      return "Ed25519";
    case EVP_PKEY_EC:
      return "ECDSA P-" + std::to_string(EVP_PKEY_bits(key));
    default:
      return "unknown";
  }
}

std::string serial_text(const X509* certificate) {
  const auto* const serial = X509_get0_serialNumber(certificate);
  return hex_of(ASN1_STRING_get0_data(serial),
                static_cast<std::size_t>(ASN1_STRING_length(serial)));
}

bool needs_staple(const X509* certificate) {
  // id-pe-tlsfeature, which BoringSSL has no name for, with status_request (5) or its second version.
  const bssl::UniquePtr<ASN1_OBJECT> feature(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1));
  const int index = feature ? X509_get_ext_by_OBJ(certificate, feature.get(), -1) : -1;
  if (index < 0) return false;
  const auto* const value = X509_EXTENSION_get_data(X509_get_ext(certificate, index));
  CBS octets;
  CBS list;
  CBS_init(&octets, ASN1_STRING_get0_data(value),
           static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (CBS_get_asn1(&octets, &list, CBS_ASN1_SEQUENCE) == 0) return false;
  std::uint64_t number = 0;
  while (CBS_get_asn1_uint64(&list, &number) == 1) {
    if (number == TLSEXT_TYPE_status_request) return true;
  }
  return false;
}

bool names_as_issuer(const X509* subject, const X509* issuer) {
  return X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0;
}

bool is_self_signed(const X509* certificate) { return names_as_issuer(certificate, certificate); }

}  // namespace postern::tls
