// BoringSSL's side of clients' certificates. For this room's own files only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tls/boringssl.h"
#include "tls/client_certificate.h"
#include "tls/engine.h"

namespace postern::tls {

struct ServerOptions;

struct ClientAuthority::Native {
  struct Revocations {
    bssl::UniquePtr<X509_CRL> list;
    std::int64_t until = 0;  // seconds since 1970
  };

  bssl::UniquePtr<X509_STORE> store;
  std::vector<bssl::UniquePtr<X509>> authorities;
  std::vector<Revocations> revocations;
  // The authorities' names as they stand in a CertificateRequest, each once.
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> names;
  std::string digest;  // of all certificates and lists, whatever their order
  std::string ca_file;
  std::string crl_file;
};

// What becomes of a client that shows a chain.
struct ClientVerdict {
  Failure failure = Failure::none;  // none: it is verified
  std::uint8_t alert = 0;           // RFC 8446 section 6.2
  std::int64_t until = 0;           // when that ceases to hold, in seconds since 1970
};

// `chain` is the client's, leaf first; null or empty is no certificate that can be read.
ClientVerdict judge_client(const STACK_OF(CRYPTO_BUFFER) * chain,
                           const ClientAuthority::Native& authority);

// Null where it cannot be read.
std::shared_ptr<const ClientCertificate> describe_client(const CRYPTO_BUFFER* leaf);

// Makes a context ask for certificates as the options say, with a callback that judges them. "" or
// what is wrong.
std::string ask_for_certificates(SSL_CTX* context, const ServerOptions& options);

// What is known of the client of a handshake that is complete, resumed or not; null without certificate.
std::shared_ptr<const ClientCertificate> client_of(const SSL* ssl);

}  // namespace postern::tls
