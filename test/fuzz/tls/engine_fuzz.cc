// Fuzzes the engine and, with it, the reading of a ClientHello's offer: the input's first octet
// chooses how the rest is cut, the rest is what a client sends to a fresh engine.
//
// Invariant: however the bytes are cut, the engine ends in the same state, with the same failure
// and the same offer; it never decrypts more than it was sent; it decrypts nothing, and seals
// nothing, before its handshake is complete, which bytes alone cannot reach; and "not TLS" answers
// nothing. What was sent stays within a bound, whatever came.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "tls/engine.h"

namespace {

using postern::tls::Credentials;
using postern::tls::Engine;
using postern::tls::Failure;
using postern::tls::Offer;
using postern::tls::ServerContext;
using postern::tls::ServerOptions;
using postern::tls::Version;

// A server's flight: its certificate and little more.
constexpr std::size_t kMaxAnswer = 4096;

void demand(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "engine_fuzz: %s\n", what);
  std::abort();
}

std::shared_ptr<const Credentials> credentials_for(const std::string& name) {
  const auto pem = postern::tls::make_throwaway_certificate({name});
  return *Credentials::parse(pem.chain, pem.key, "chain", "key");
}

std::shared_ptr<const ServerContext> context() {
  static const auto made = [] {
    ServerOptions options;
    options.credentials = {credentials_for("mail.example.com"), credentials_for("*.example.org")};
    options.min_version = Version::tls1_0;
    options.alpn = "imap";
    return *ServerContext::make(options);
  }();
  return made;
}

bool equal(const Offer* one, const Offer* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return one->server_name == other->server_name && one->versions == other->versions &&
         one->ciphers == other->ciphers && one->groups == other->groups &&
         one->signature_algorithms == other->signature_algorithms && one->alpn == other->alpn &&
         one->ja4.characters == other->ja4.characters;
}

// Only what no reader of a log can stumble over.
bool is_ja4(std::string_view text) {
  return text.size() == postern::tls::Ja4::kSize &&
         text.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == text.npos;
}

void check_bounds(const Offer* offer) {
  if (offer == nullptr) return;
  for (const auto* list :
       {&offer->versions, &offer->ciphers, &offer->groups, &offer->signature_algorithms}) {
    demand(list->size() <= Offer::kMaxNumbers, "a list of the offer is too long");
  }
  demand(is_ja4(offer->ja4.text()), "the fingerprint is none");
  demand(offer->alpn.size() <= Offer::kMaxAlpn, "too many ALPN names");
  demand(offer->server_name.size() <= Offer::kMaxServerName, "the server name is too long");
}

struct Run {
  Run(std::string_view cipher, unsigned seed) : engine(context()) {
    std::mt19937 random(seed);
    while (!cipher.empty()) {
      const auto piece = cipher.substr(0, seed == 0 ? cipher.size() : 1 + random() % 64);
      engine.receive(piece, plain, output);
      cipher.remove_prefix(piece.size());
    }
    engine.seal("secret", sealed);
    engine.close(sealed);
  }
  Engine engine;
  postern::tls::Octets plain;
  std::string output;
  std::string sealed;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view cipher(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Run whole(cipher, 0);
  const Run cut(cipher, 1 + data[0]);
  for (const auto* run : {&whole, &cut}) {
    const auto state = run->engine.state();
    demand(state == Engine::State::handshaking || state == Engine::State::failed,
           "a handshake without keys");
    demand((run->engine.failure() == Failure::none) == (state == Engine::State::handshaking),
           "a failure without its state");
    demand(run->plain.empty() && run->sealed.empty(), "plain bytes before the handshake");
    demand(run->output.size() <= kMaxAnswer, "too much was answered");
    demand(run->engine.failure() != Failure::not_tls || run->output.empty(),
           "an answer in TLS to what is no TLS");
    check_bounds(run->engine.offer());
  }
  demand(whole.engine.state() == cut.engine.state(), "the state depends on the cutting");
  demand(whole.engine.failure() == cut.engine.failure(), "the failure depends on the cutting");
  demand(equal(whole.engine.offer(), cut.engine.offer()), "the offer depends on the cutting");
  return 0;
}
