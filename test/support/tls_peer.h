// The other end of a fake stream, as a server with TLS: postern's own engine, driven by hand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "test/support/certificates.h"
#include "test/support/fake_net.h"
#include "tls/client_context.h"
#include "tls/engine.h"

namespace postern::test {

// A server's context with one certificate.
inline std::shared_ptr<const tls::ServerContext> context_with(const Issued& leaf,
                                                              tls::ServerOptions options = {}) {
  options.credentials = {*tls::Credentials::parse(leaf.certificate(), leaf.key(), "chain", "key")};
  return *tls::ServerContext::make(options);
}

class TlsPeer {
 public:
  // What it sends arrives in pieces of `piece` octets.
  explicit TlsPeer(std::shared_ptr<const tls::ServerContext> context, std::size_t piece = SIZE_MAX)
      : engine_(std::move(context)), piece_(piece) {}

  // Carries bytes until neither side has more to send.
  void pump(FakePeer& peer) {
    do {
      engine_.receive(peer.take(), heard_, output_);
      const auto flight = std::exchange(output_, {});
      for (std::size_t at = 0; at < flight.size(); at += piece_) {
        peer.send(std::string_view(flight).substr(at, piece_));
        if (piece_ > flight.size() - at) break;
      }
    } while (!peer.received().empty());
  }
  void say(FakePeer& peer, std::string_view plain) {
    engine_.seal(plain, output_);
    pump(peer);
  }
  void close(FakePeer& peer) {
    engine_.close(output_);
    pump(peer);
  }
  // What was decrypted since the last call.
  std::string hear(FakePeer& peer) {
    pump(peer);
    std::string heard(heard_.view());
    heard_.clear();
    return heard;
  }
  const tls::Engine& engine() const { return engine_; }

 private:
  tls::Engine engine_;
  std::size_t piece_;
  tls::Octets heard_;
  std::string output_;
};

}  // namespace postern::test
