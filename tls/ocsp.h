// OCSP responses from files, to be stapled (RFC 6066 section 8): BoringSSL sends them, but has no calls
// to look into them. For this room's own files only.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "tls/boringssl.h"
#include "tls/error.h"

namespace postern::tls {

// A response that says "good" about the certificate that it is stapled to, and is signed by who may.
struct Staple {
  std::string der;
  // When it may be sent: RFC 6960 section 4.2.2.1. Where a responder's own certificate ends earlier,
  // it ends then.
  std::chrono::sys_seconds from;
  std::chrono::sys_seconds until;

  bool holds_at(std::chrono::sys_seconds now) const { return from <= now && now < until; }
};

inline constexpr std::size_t kMaxStaple = 64 * 1024;

// Reads a response in DER (RFC 6960 section 4.2.1) and checks it against `leaf` and its `issuer`: that
// it is a success, is about this certificate (by SHA-1 or SHA-256), says good, is signed by the issuer
// or a responder that the issuer delegated (section 4.2.2.2; RSA PKCS#1 or ECDSA with SHA-2, or
// Ed25519), and names its end. Whether its time has come is left to holds_at(). The error begins with
// `name`.
Result<Staple> read_staple(std::string_view der, const std::string& name, X509* leaf, X509* issuer);

}  // namespace postern::tls
