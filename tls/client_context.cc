// See client_context.h.
#include "tls/client_context.h"

#include <algorithm>
#include <utility>

#include "tls/client_native.h"

namespace postern::tls {

namespace {

// What servers of the last ten years have; the server chooses among them.
constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

ssl_verify_result_t verify(SSL* ssl, std::uint8_t* alert) {
  auto& wire = static_cast<ClientWire&>(wire_of(ssl));
  wire.fault = judge_server(ssl, *wire.native, wire.not_after);
  if (wire.fault.empty()) return ssl_verify_ok;
  *alert = SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

// In TLS 1.3 it is called once for each ticket, in the middle of reading.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  const auto& wire = static_cast<const ClientWire&>(wire_of(ssl));
  wire.native->keep(bssl::UniquePtr<SSL_SESSION>(session), wire.not_after);
  return 1;  // the session is ours
}

// "" or what is wrong.
std::string configure(ClientContext::Native& native) {
  SSL_CTX* const context = native.context.get();
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 0 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 0 ||
      SSL_CTX_set_strict_cipher_list(context, kSuites) == 0 ||
      SSL_CTX_set1_curves_list(context, kGroups) == 0) {
    return "this BoringSSL does not have the versions, cipher suites or groups";
  }
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, verify);
  SSL_CTX_set0_buffer_pool(context, native.pool.get());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  SSL_CTX_set_early_data_enabled(context, 0);  // replays: RFC 8446 section 8
  const auto* const own = native.options.credentials.get();
  if (own == nullptr) return {};
  std::vector<CRYPTO_BUFFER*> chain;
  for (const auto& buffer : own->native().chain) chain.push_back(buffer.get());
  if (SSL_CTX_set_chain_and_key(context, chain.data(), chain.size(), own->native().key.get(),
                                nullptr) == 0) {
    return "TLS cannot use the certificate of " + own->subject() +
           " (its key usage forbids signing, or its kind of key is not supported)";
  }
  return {};
}

}  // namespace

std::string text_of(const Pin& pin) {
  std::array<std::uint8_t, 4 * ((sizeof(Pin) + 2) / 3) + 1> text{};
  const auto size = EVP_EncodeBlock(text.data(), pin.data(), pin.size());
  return "sha256//" + std::string(reinterpret_cast<const char*>(text.data()), size);
}

void ClientContext::Native::keep(bssl::UniquePtr<SSL_SESSION> session, Moment not_after) const {
  const std::lock_guard lock(mutex);
  if (sessions.size() == kMostSessions) sessions.erase(sessions.begin());
  sessions.push_back({std::move(session), not_after});
}

std::optional<ClientContext::Native::Kept> ClientContext::Native::take() const {
  const auto now = options.now ? options.now() : Moment::min();
  const std::lock_guard lock(mutex);
  while (!sessions.empty()) {
    auto& youngest = sessions.back();
    if (youngest.not_after < now) {
      sessions.pop_back();
      continue;
    }
    // RFC 8446 appendix C.4. A session of TLS 1.2 serves again and again.
    if (SSL_SESSION_should_be_single_use(youngest.session.get()) == 0) {
      return Kept{bssl::UpRef(youngest.session), youngest.not_after};
    }
    auto taken = std::move(youngest);
    sessions.pop_back();
    return taken;
  }
  return std::nullopt;
}

void ClientContext::Native::forget(const SSL_SESSION* session) const {
  const std::lock_guard lock(mutex);
  std::erase_if(sessions, [&](const Kept& kept) { return kept.session.get() == session; });
}

void ClientContext::Native::forget_all() const {
  const std::lock_guard lock(mutex);
  sessions.clear();
}

ClientContext::ClientContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
ClientContext::~ClientContext() = default;

std::size_t ClientContext::kept_sessions() const {
  const std::lock_guard lock(native_->mutex);
  return native_->sessions.size();
}

bool ClientContext::shows_certificate() const { return native_->options.credentials != nullptr; }

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const ClientOptions& options) {
  constexpr std::size_t kMostName = 253;  // RFC 1035 section 2.3.4, as text
  if (options.name.empty() || options.name.size() > kMostName ||
      std::any_of(options.name.begin(), options.name.end(),
                  [](char c) { return c <= ' ' || c > '~'; })) {
    return Error{"a server's certificate cannot be for such a name"};
  }
  auto native = std::make_unique<Native>();
  native->options = options;
  native->is_numeric = is_address(options.name);
  native->pool.reset(CRYPTO_BUFFER_POOL_new());
  native->context.reset(SSL_CTX_new(TLS_with_buffers_method()));
  if (!native->pool || !native->context) return Error{"out of memory"};
  const auto fault = configure(*native);
  ERR_clear_error();
  if (!fault.empty()) return Error{fault};
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(native)));
}

}  // namespace postern::tls
