// An engine and a client joined in memory, for the tests of this room.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/support/tls_client.h"
#include "tls/engine.h"

namespace postern::test {

// The length of the next piece, from what is left of a flight of bytes.
using Cut = std::function<std::size_t(std::size_t left)>;
inline std::size_t whole(std::size_t left) { return left; }
inline std::size_t byte_by_byte(std::size_t) { return 1; }

// Credentials made on the spot for `names`.
inline std::shared_ptr<const tls::Credentials> throwaway(const std::vector<std::string>& names) {
  const auto pem = tls::make_throwaway_certificate(names);
  return *tls::Credentials::parse(pem.chain, pem.key, "chain", "key");
}

// A context of one credential made once, and `options` otherwise.
inline std::shared_ptr<const tls::ServerContext> context_of(tls::ServerOptions options = {}) {
  static const auto credentials = throwaway({"mail.example.com"});
  if (options.credentials.empty()) options.credentials = {credentials};
  return *tls::ServerContext::make(options);
}

struct Connection {
  explicit Connection(std::shared_ptr<const tls::ServerContext> context,
                      const TlsClientOptions& options = {}, Cut to_server = whole)
      : engine(std::move(context)), client(options), cut(std::move(to_server)) {
    client.receive("");
    pump();
  }

  // Carries bytes until neither side has more to send.
  void pump() {
    for (bool moved = true; moved;) {
      moved = false;
      const std::string to_server = client.take_output();
      for (std::size_t at = 0; at < to_server.size();) {
        const std::string piece = to_server.substr(at, cut(to_server.size() - at));
        engine.receive(piece, plain, output);
        at += piece.size();
        moved = true;
      }
      if (!output.empty()) {
        sent += output;
        client.receive(std::exchange(output, {}));
        moved = true;
      }
    }
  }
  void to_client(std::string_view bytes) {
    engine.seal(bytes, output);
    pump();
  }
  void to_server(std::string_view bytes) {
    client.send(bytes);
    pump();
  }

  tls::Engine engine;
  TlsClient client;
  Cut cut;
  tls::Octets plain;   // what the engine decrypted
  std::string output;  // not yet carried to the client
  std::string sent;    // all that was carried to the client
};

}  // namespace postern::test
