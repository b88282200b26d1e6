// A client's engine and a server's, joined in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "tls/client_engine.h"
#include "tls/engine.h"

namespace postern::test {

// A server's context of one certificate, and of what is to be sent behind it.
inline std::shared_ptr<const tls::ServerContext> server_of(const Issued& leaf,
                                                           const std::string& issuers = {},
                                                           tls::ServerOptions options = {}) {
  options.credentials = {
      *tls::Credentials::parse(leaf.certificate() + issuers, leaf.key(), "chain", "key")};
  return *tls::ServerContext::make(options);
}

inline std::shared_ptr<const tls::Trust> trust_in(const Issued& ca) {
  return *tls::Trust::parse(ca.certificate(), "ca.pem");
}

struct ClientConnection {
  ClientConnection(std::shared_ptr<const tls::ClientContext> ours,
                   std::shared_ptr<const tls::ServerContext> theirs, Cut to_client = whole)
      : client(std::move(ours)), server(std::move(theirs)), cut(std::move(to_client)) {
    client.start(from_client);
    pump();
  }

  // Carries bytes until neither side has more to send.
  void pump() {
    while (!from_client.empty() || !from_server.empty()) {
      if (!from_client.empty()) {
        server.receive(std::exchange(from_client, {}), server_heard, from_server);
      }
      const auto flight = std::exchange(from_server, {});
      for (std::size_t at = 0; at < flight.size();) {
        const auto size = cut(flight.size() - at);
        client.receive(std::string_view(flight).substr(at, size), client_heard, from_client);
        at += size;
      }
    }
  }
  void server_says(std::string_view plain) {
    server.seal(plain, from_server);
    pump();
  }
  void client_says(std::string_view plain) {
    client.seal(plain, from_client);
    pump();
  }

  tls::ClientEngine client;
  tls::Engine server;
  Cut cut;
  std::string from_client;  // not yet carried over
  std::string from_server;
  tls::Octets client_heard;  // what they decrypted
  tls::Octets server_heard;
};

}  // namespace postern::test
