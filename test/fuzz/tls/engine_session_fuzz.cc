// The engine behind its handshake, with a real client: a script (script.h) of what both sides do. The
// conditions: 1, 2 or 3 the client's latest TLS (else 1.3); r what goes to the engine comes in small
// pieces.
//
//   c    the client sends these bytes
//   s    the engine's owner seals these bytes
//   e E  the client, the owner sends close_notify
//   u n  the client changes its keys, tries to renegotiate
//   K    these bytes get into the client's stream
//   k    the client's next record is changed in its octet of this number ("k7")
//   o    the offer is dropped
//
// Invariants: what the client sent comes out, in order and nothing else, and all of it as long as nobody
// touched the stream; what the owner sealed reaches the client likewise, and before the handshake is
// complete nothing is sealed; a touched stream fails, and nothing comes out afterwards; what one call
// decrypts is bounded; nothing is sent behind close_notify; states only go onwards.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "test/fuzz/demand.h"
#include "test/fuzz/script.h"
#include "test/support/tls_client.h"
#include "tls/engine.h"

namespace {

using namespace postern::tls;
using namespace postern::test;

std::shared_ptr<const ServerContext> context() {
  static const auto made = [] {
    const auto pem = make_throwaway_certificate({"mail.example.com"});
    ServerOptions options;
    options.credentials = {*Credentials::parse(pem.chain, pem.key, "chain", "key")};
    options.min_version = Version::tls1_0;
    return *ServerContext::make(options);
  }();
  return made;
}

TlsClientOptions options_of(const Script& script) {
  TlsClientOptions options;
  for (const char version : {'1', '2', '3'}) {
    if (script.has(version))
      options.max_version = static_cast<std::uint16_t>(0x0300 + version - '0');
  }
  // So that a renegotiation can be tried.
  options.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA";
  return options;
}

class Play {
 public:
  explicit Play(const Script& script)
      : script_(script), engine_(context()), client_(options_of(script)) {}

  void run() {
    engine_.seal("too early", to_client_);
    engine_.close(to_client_);
    demand(to_client_.empty(), "something is sealed before the handshake");
    client_.receive("");
    exchange();
    demand(engine_.state() == Engine::State::open && client_.connected(), "the handshake");
    for (const auto& action : script_.actions) {
      act(action);
      exchange();
    }
  }

 private:
  void act(const ScriptAction& action) {
    const bool can_send = !has_client_closed_ && !client_.failed() && !has_renegotiated_;
    switch (action.kind) {
      case 'C':
      case 'c':
        if (!can_send || action.bytes.empty()) return;
        client_.send(action.bytes);
        sent_ += action.bytes;
        return;
      case 's': {
        const auto before = to_client_.size();
        engine_.seal(action.bytes, to_client_);
        const bool is_sealed = to_client_.size() > before;
        demand(!is_sealed || !has_closed_, "something behind close_notify");
        demand(!is_sealed || engine_.state() != Engine::State::failed,
               "something from a failed one");
        if (is_sealed) said_ += action.bytes;
        return;
      }
      case 'e':
        if (!can_send) return;
        has_client_closed_ = true;
        return client_.close();
      case 'E':
        engine_.close(to_client_);
        has_closed_ = true;
        return;
      case 'u':
        if (can_send && client_.version() == 0x0304) client_.update_keys();
        return;
      case 'n':
        if (!can_send || client_.version() == 0x0304) return;
        has_renegotiated_ = is_touched_ = true;
        if (client_.cipher() == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256") client_.renegotiate();
        return;
      case 'K':
        to_engine_ += action.bytes;
        is_touched_ = is_touched_ || !action.bytes.empty();
        return;
      case 'k':
        change_ = action.bytes.empty() ? 0 : static_cast<unsigned char>(action.bytes[0]);
        return;
      case 'o':
        engine_.drop_offer();
        demand(engine_.offer() == nullptr, "a dropped offer");
        return;
      default:
        return;
    }
  }

  // Carries bytes until none are left.
  void exchange() {
    for (int round = 0; round < 16; ++round) {
      auto output = client_.take_output();
      if (!output.empty() && change_ < 256) {
        output[std::min(change_, output.size() - 1)] ^= 0x40;
        change_ = 256;
        is_touched_ = true;
      }
      to_engine_ += output;
      if (to_engine_.empty() && to_client_.empty()) return check();
      feed_engine();
      check();
      client_.receive(std::exchange(to_client_, {}));
    }
  }

  void feed_engine() {
    std::string_view bytes = to_engine_;
    while (!bytes.empty()) {
      const std::string piece(bytes.substr(0, script_.has('r') ? 7 : bytes.size()));
      bytes.remove_prefix(piece.size());
      const auto before = engine_.state();
      postern::tls::Octets plain;
      const auto after = engine_.receive(piece, plain, to_client_);
      demand(after == engine_.state() && after >= before, "states only go onwards");
      demand(plain.size() <= piece.size() + Engine::kMaxRecord, "what is decrypted is bounded");
      demand(before == Engine::State::open || before == Engine::State::handshaking || plain.empty(),
             "something from a stream that is over");
      received_ += plain.view();
    }
    to_engine_.clear();
  }

  void check() {
    demand(sent_.starts_with(received_), "what the client sent, in order");
    heard_ += client_.take_received();
    demand(said_.starts_with(heard_), "what the owner sealed, in order");
    if (is_touched_) return;
    demand(engine_.state() != Engine::State::failed, "a stream that nobody touched");
    demand(to_engine_.empty() && received_ == sent_, "all that the client sent");
  }

  const Script& script_;
  Engine engine_;
  TlsClient client_;
  std::string to_engine_;
  std::string to_client_;
  std::string sent_;
  std::string received_;
  std::string said_;
  std::string heard_;
  std::size_t change_ = 256;  // 256: no octet is to be changed
  bool has_client_closed_ = false;
  bool has_closed_ = false;
  bool has_renegotiated_ = false;
  bool is_touched_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto script = read_script({reinterpret_cast<const char*>(data), size});
  Play(script).run();
  return 0;
}
