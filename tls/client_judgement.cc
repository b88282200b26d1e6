// Whether a client's certificate is one that its context takes, and what it says. See
// client_authority.h.
//
// A session that resumes shows no certificate. What a verification rests on bounds its tickets
// instead: they end with the first certificate or list of revocations to end, and the session ID
// context (server_context.cc) has the authorities and all revocations in it.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "tls/client_authority.h"
#include "tls/native.h"

namespace postern::tls {

namespace {

// Certificates between the leaf and a trusted one.
constexpr int kMaxDepth = 8;
// Names of authorities in a request: with more none is named, which asks for any.
constexpr std::size_t kMaxRequested = 16 * 1024;

constexpr std::array<std::uint16_t, 10> kAlgorithms = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519,
    SSL_SIGN_RSA_PSS_RSAE_SHA256,    SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA384,
    SSL_SIGN_RSA_PKCS1_SHA384,       SSL_SIGN_ECDSA_SECP521R1_SHA512,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,    SSL_SIGN_RSA_PKCS1_SHA512};

// At most kMostText octets, not cut within a character.
std::string bounded(std::string_view text) {
  auto size = std::min(text.size(), ClientCertificate::kMostText);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  }
  return std::string(text.substr(0, size));
}

std::string text_of(const X509_NAME* name) {
  constexpr unsigned long kFlags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, kFlags) < 0 ||
      BIO_mem_contents(bio.get(), &bytes, &size) == 0) {
    return {};
  }
  return bounded({reinterpret_cast<const char*>(bytes), size});
}

std::string text_of(const GENERAL_NAME& name) {
  if (name.type != GEN_DNS && name.type != GEN_EMAIL && name.type != GEN_URI &&
      name.type != GEN_IPADD) {
    return {};
  }
  const auto* const string = name.type == GEN_IPADD ? name.d.iPAddress : name.d.ia5;
  const auto* const octets = ASN1_STRING_get0_data(string);
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(string));
  if (name.type != GEN_IPADD) return bounded({reinterpret_cast<const char*>(octets), size});
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (size != 4 && size != 16) return {};
  return inet_ntop(size == 4 ? AF_INET : AF_INET6, octets, text.data(), text.size()) == nullptr
             ? ""
             : text.data();
}

std::string fingerprint_of(const CRYPTO_BUFFER* leaf) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf), digest.data());
  std::string text;
  text.reserve(2 * digest.size());
  for (const auto octet : digest) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 0xf];
  }
  return text;
}

std::int64_t seconds_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
      .time_since_epoch()
      .count();
}

ClientVerdict verdict_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {Failure::client_certificate_expired, SSL_AD_CERTIFICATE_EXPIRED};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {Failure::client_certificate_not_yet_valid, SSL_AD_CERTIFICATE_EXPIRED};
    case X509_V_ERR_CERT_REVOKED:
      return {Failure::client_certificate_revoked, SSL_AD_CERTIFICATE_REVOKED};
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
      return {Failure::client_certificate_no_crl, SSL_AD_CERTIFICATE_UNKNOWN};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return {Failure::client_certificate_unknown_ca, SSL_AD_UNKNOWN_CA};
    case X509_V_ERR_INVALID_PURPOSE:
      return {Failure::client_certificate_wrong_purpose, SSL_AD_UNSUPPORTED_CERTIFICATE};
    case X509_V_ERR_OUT_OF_MEM:
      return {Failure::protocol_error, SSL_AD_INTERNAL_ERROR};
    default:
      return {Failure::client_certificate_invalid, SSL_AD_BAD_CERTIFICATE};
  }
}

// What is trusted by itself needs no list: where it is no root, only others could revoke it.
int allow_trusted(int is_good, X509_STORE_CTX* check) {
  if (is_good == 1) return 1;
  const auto* const chain = X509_STORE_CTX_get0_chain(check);
  const auto depth = static_cast<std::size_t>(X509_STORE_CTX_get_error_depth(check));
  return X509_STORE_CTX_get_error(check) == X509_V_ERR_UNABLE_TO_GET_CRL && chain != nullptr &&
                 depth + 1 == sk_X509_num(chain)
             ? 1
             : 0;
}

std::int64_t end_of(const ASN1_TIME* time, std::int64_t now) {
  int days = 0;
  int seconds = 0;
  const bssl::UniquePtr<ASN1_TIME> start(ASN1_TIME_set(nullptr, now));
  if (!start || ASN1_TIME_diff(&days, &seconds, start.get(), time) == 0) return 0;
  return now + std::int64_t{days} * 86400 + seconds;
}

std::int64_t end_of(X509_STORE_CTX* check, const ClientAuthority::Native& authority) {
  auto until = std::numeric_limits<std::int64_t>::max();
  const auto now = seconds_now();
  const auto* const chain = X509_STORE_CTX_get0_chain(check);
  for (std::size_t i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    until = std::min(until, end_of(X509_get0_notAfter(sk_X509_value(chain, i)), now));
  }
  for (const auto& list : authority.revocations) {
    // One that is over already is of others: it has let nobody in.
    if (list.until >= now) until = std::min(until, list.until);
  }
  return until;
}

ssl_verify_result_t verify(SSL* ssl, std::uint8_t* alert) {
  auto& wire = wire_of(ssl);
  const auto* const chain = SSL_get0_peer_certificates(ssl);
  if (chain != nullptr && sk_CRYPTO_BUFFER_num(chain) > 0) {
    wire.handshake->client_certificate = describe_client(sk_CRYPTO_BUFFER_value(chain, 0));
  }
  auto verdict = judge_client(chain, wire.context->client_authority->native());
  if (verdict.failure == Failure::none && wire.handshake->client_certificate == nullptr) {
    verdict = verdict_of(X509_V_ERR_UNSPECIFIED);
  }
  if (verdict.failure != Failure::none) {
    wire.handshake->refusal = verdict.failure;
    *alert = verdict.alert;
    return ssl_verify_invalid;
  }
  // Both of its ends, that of its tickets and that of what they may be renewed to: in TLS 1.3 each
  // resumption renews them, up to the second one, which BoringSSL sets later than a ticket's. One call
  // sets both, and no ticket may say that it is good for longer than it is.
  if (SSL_SESSION* const session = SSL_get_session(ssl); session != nullptr) {
    // Its own time: it is ahead of the clock's where the client has shown another node's ticket.
    const auto start = static_cast<std::int64_t>(SSL_SESSION_get_time(session));
    const auto left = std::max<std::int64_t>(verdict.until - start, 0);
    const std::int64_t of_ticket = SSL_SESSION_get_timeout(session);
    if (left <
        (SSL_version(ssl) == TLS1_3_VERSION ? SSL_DEFAULT_SESSION_AUTH_TIMEOUT : of_ticket)) {
      SSL_SESSION_set_timeout(session, static_cast<std::uint32_t>(std::min(left, of_ticket)));
    }
  }
  return ssl_verify_ok;
}

}  // namespace

ClientVerdict judge_client(const STACK_OF(CRYPTO_BUFFER) * chain,
                           const ClientAuthority::Native& authority) {
  const auto broken = verdict_of(X509_V_ERR_UNSPECIFIED);
  const auto count = chain == nullptr ? 0 : sk_CRYPTO_BUFFER_num(chain);
  if (count == 0 || count > ClientAuthority::kMaxChain) return broken;
  const bssl::UniquePtr<STACK_OF(X509)> between(sk_X509_new_null());
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, 0)));
  const bssl::UniquePtr<X509_STORE_CTX> check(X509_STORE_CTX_new());
  bool is_whole = between && leaf && check;
  for (std::size_t i = 1; is_whole && i < count; ++i) {
    bssl::UniquePtr<X509> issuer(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i)));
    is_whole = issuer && bssl::PushToStack(between.get(), std::move(issuer));
  }
  ClientVerdict verdict = broken;
  if (is_whole &&
      X509_STORE_CTX_init(check.get(), authority.store.get(), leaf.get(), between.get()) == 1 &&
      X509_STORE_CTX_set_default(check.get(), "ssl_client") == 1) {
    X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(check.get()), kMaxDepth);
    X509_STORE_CTX_set_verify_cb(check.get(), allow_trusted);
    verdict = X509_verify_cert(check.get()) == 1
                  ? ClientVerdict{Failure::none, 0, end_of(check.get(), authority)}
                  : verdict_of(X509_STORE_CTX_get_error(check.get()));
  }
  ERR_clear_error();
  return verdict;
}

std::shared_ptr<const ClientCertificate> describe_client(const CRYPTO_BUFFER* leaf) {
  const bssl::UniquePtr<X509> certificate(
      X509_parse_from_buffer(const_cast<CRYPTO_BUFFER*>(leaf)));  // which only counts it
  if (!certificate) {
    ERR_clear_error();
    return nullptr;
  }
  auto described = std::make_shared<ClientCertificate>();
  described->subject = text_of(X509_get_subject_name(certificate.get()));
  described->issuer = text_of(X509_get_issuer_name(certificate.get()));
  described->sha256 = fingerprint_of(leaf);
  const bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  if (names) {
    for (const GENERAL_NAME* name : names.get()) {
      if (described->names.size() == ClientCertificate::kMostNames) break;
      if (auto text = text_of(*name); !text.empty()) described->names.push_back(std::move(text));
    }
  }
  ERR_clear_error();
  return described;
}

std::string ask_for_certificates(SSL_CTX* context, const ServerOptions& options) {
  if (options.client_certificates == ClientCertificates::none) return {};
  if (options.client_authority == nullptr) {
    return "clients' certificates are wanted, and nobody is known who signs them";
  }
  const auto& names = options.client_authority->native().names;
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> requested(sk_CRYPTO_BUFFER_new_null());
  std::size_t size = 0;
  for (const auto& name : names) size += CRYPTO_BUFFER_len(name.get());
  for (const auto& name : names) {
    if (size > kMaxRequested) break;
    if (!requested || !bssl::PushToStack(requested.get(), bssl::UpRef(name))) {
      return "out of memory";
    }
  }
  if (SSL_CTX_set_verify_algorithm_prefs(context, kAlgorithms.data(), kAlgorithms.size()) == 0) {
    return "this BoringSSL does not have the signature algorithms";
  }
  SSL_CTX_set0_client_CAs(context, requested.release());
  SSL_CTX_set_max_cert_list(context, ClientAuthority::kMaxChainOctets);
  const int mode = options.client_certificates == ClientCertificates::require
                       ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                       : SSL_VERIFY_PEER;
  SSL_CTX_set_custom_verify(context, mode, verify);
  return {};
}

std::shared_ptr<const ClientCertificate> client_of(const SSL* ssl) {
  const auto& wire = wire_of(ssl);
  if (wire.context->client_authority == nullptr) return nullptr;
  if (wire.handshake->client_certificate != nullptr) return wire.handshake->client_certificate;
  const auto* const chain = SSL_get0_peer_certificates(ssl);  // of the session that it resumes
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return nullptr;
  return describe_client(sk_CRYPTO_BUFFER_value(chain, 0));
}

}  // namespace postern::tls
