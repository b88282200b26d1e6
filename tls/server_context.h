// What all TLS connections of one listener share: credentials, versions, ALPN, ticket keys.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tls/client_certificate.h"
#include "tls/credentials.h"
#include "tls/error.h"
#include "tls/lack.h"
#include "tls/profile.h"
#include "tls/tickets.h"

namespace postern::tls {

class CertificateChoice;

// What becomes of a client whose highest version is below the lowest that is served.
enum class OldVersions {
  refuse,  // an alert ends its handshake
  accept,  // its handshake is completed, so that it can be told in its protocol's words: see
           // Facts::is_below_minimum
};

struct ServerOptions {
  std::vector<std::shared_ptr<const Credentials>> credentials;  // first is the default, rest by SNI
  // The same, made once for several contexts; null: of `credentials`.
  std::shared_ptr<const CertificateChoice> certificates;
  Profile profile = Profile::intermediate;
  Version min_version = Version::tls1_2;
  Version max_version = Version::tls1_3;
  OldVersions old_versions = OldVersions::refuse;
  // The ALPN protocol to answer with ("imap", "pop3"); "" where none is registered (SMTP).
  std::string alpn;
  // Refuse a client that offers only *known other* protocols (http/1.1, h2, h3, …): ALPACA.
  // Unknown names go on without ALPN.
  bool alpn_strict = true;
  // Refuse a client that asks for a name which no certificate has; one that asks for none is served.
  bool sni_strict = false;
  ClientCertificates client_certificates = ClientCertificates::none;
  std::shared_ptr<const ClientAuthority> client_authority;  // never null unless none are asked for
  // Part of the session ID context: a TLS session resumes only where this text is equal (and the
  // profile and lowest version, and what is asked of clients' certificates with all authorities and
  // revocations: see make()). In TLS 1.2 and before the name that the client asks for is part of it, too.
  std::string resumption_scope;
  // Shared by all contexts and workers, so that a session resumes on any of them. Null: keys of
  // the context's own, so that a session resumes with this context only.
  std::shared_ptr<const TicketKeys> ticket_keys;
  // Seconds since the epoch, from any thread: staples are sent while they hold. Empty: none is.
  std::function<std::chrono::seconds()> now;
};

// Immutable after make(); used by any number of engines on any thread.
class ServerContext {
 public:
  // Suites and groups are the profile's (profile.h). No 0-RTT, no renegotiation, no compression.
  // Several credentials for one name: the first with an ECDSA (or Ed25519) key where the client can
  // use it, else the first with RSA.
  // OldVersions::accept changes nothing for a client that offers min_version or more, even where
  // its handshake fails for other reasons; what it offers decides, so a client that was led to
  // offer less is told so (RFC 8446 section 4.1.3, RFC 7507).
  // Errors: no credentials, min_version above max_version, a version
  // that this BoringSSL does not have.
  static Result<std::shared_ptr<const ServerContext>> make(const ServerOptions& options);
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;
  ~ServerContext();

  const Serving& serving() const;
  // Of TLS 1.2 and before, by preference: IANA's names.
  std::vector<std::string> suites() const;

  struct Native;
  const Native& native() const { return *native_; }

 private:
  explicit ServerContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

// "BoringSSL API 17 with X25519 P-256 P-384", for --version: the groups of most profiles.
std::string library_version();

}  // namespace postern::tls
