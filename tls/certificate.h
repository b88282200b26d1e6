// What one X.509 certificate says of itself (RFC 5280), as text and times. For this room's own files
// only.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/boringssl.h"

namespace postern::tls {

// "CN = mail.example.com": one line, all that is not printable ASCII escaped.
std::string text_of(const X509_NAME* name);

// Before 1970 and after 2243 cut to what the clock can say.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time);
// "2026-11-26", and "2026-11-26 03:40", in UTC.
std::string date_text(std::chrono::system_clock::time_point time);
std::string minute_text(std::chrono::system_clock::time_point time);

// DNS names in lower case; the common name only where there are no alternative names: RFC 6125 section
// 6.4.4.
std::vector<std::string> names_of(const X509* certificate);
bool has_alternative_names(const X509* certificate);
// Addresses count, too.
bool has_names(const X509* certificate);

// "RSA 2048", "ECDSA P-256", "Ed25519"; "unknown".
std::string kind_of(const EVP_PKEY* key);
// Hexadecimal digits in lower case.
std::string serial_text(const X509* certificate);

// It says that it is only good with a staple ("must staple"): RFC 7633.
bool needs_staple(const X509* certificate);

bool names_as_issuer(const X509* subject, const X509* issuer);
// By its names alone.
bool is_self_signed(const X509* certificate);

}  // namespace postern::tls
