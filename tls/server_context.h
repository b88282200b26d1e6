// What all TLS connections of one listener share: credentials, versions, ALPN, ticket keys.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/credentials.h"
#include "tls/error.h"
#include "tls/tickets.h"

namespace postern::tls {

enum class Version { tls1_0, tls1_1, tls1_2, tls1_3 };

struct ServerOptions {
  std::vector<std::shared_ptr<const Credentials>> credentials;  // first is the default, rest by SNI
  Version min_version = Version::tls1_2;
  Version max_version = Version::tls1_3;
  // The ALPN protocol to answer with ("imap", "pop3"); "" where none is registered (SMTP).
  std::string alpn;
  // Refuse a client that offers only *known other* protocols (http/1.1, h2, h3, …): ALPACA.
  // Unknown names go on without ALPN.
  bool alpn_strict = true;
  // Part of the session ID context: a TLS session resumes only where this text is equal.
  std::string resumption_scope;
  // Shared by all contexts and workers, so that a session resumes on any of them.
  std::shared_ptr<const TicketKeys> ticket_keys;
};

// Immutable after make(); used by any number of engines on any thread.
class ServerContext {
 public:
  static Result<std::shared_ptr<const ServerContext>> make(const ServerOptions& options);
  ~ServerContext();

  struct Native;
  const Native& native() const { return *native_; }

 private:
  explicit ServerContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

// "BoringSSL API 17", for --version.
std::string library_version();

}  // namespace postern::tls
