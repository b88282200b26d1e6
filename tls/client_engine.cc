// See client_engine.h.
#include "tls/client_engine.h"

#include <algorithm>
#include <utility>

#include "tls/client_native.h"

namespace postern::tls {

namespace {

std::string lower_words(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    if (c == '_') return ' ';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// The oldest error of the TLS library is the cause; the queue is empty afterwards.
std::uint32_t take_cause() {
  std::uint32_t cause = 0;
  for (auto error = ERR_get_error(); error != 0; error = ERR_get_error()) {
    if (cause == 0 || (ERR_GET_LIB(cause) != ERR_LIB_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL)) {
      cause = error;
    }
  }
  return cause;
}

// "the server's alert: handshake failure".
std::string words_for(std::uint32_t cause) {
  const char* const reason = ERR_reason_error_string(cause);
  if (reason == nullptr) return "TLS broke";
  if (ERR_GET_LIB(cause) != ERR_LIB_SSL) return lower_words(reason);
  const int number = ERR_GET_REASON(cause);
  if (number >= SSL_AD_REASON_OFFSET) {
    std::string_view name(reason);
    for (const std::string_view begin : {"SSLV3_ALERT_", "TLSV1_ALERT_"}) {
      if (name.starts_with(begin)) name.remove_prefix(begin.size());
    }
    return "the server refused with the alert: " + lower_words(std::string(name));
  }
  switch (number) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return "the server has no TLS 1.2";
    case SSL_R_WRONG_VERSION_NUMBER:
      return "the server speaks no TLS here";
    case SSL_R_KEY_USAGE_BIT_INCORRECT:
      return "the certificate's keyUsage does not allow signing (digitalSignature), as TLS needs "
             "it";
    default:
      return lower_words(reason);
  }
}

}  // namespace

struct ClientEngine::Native {
  std::shared_ptr<const ClientContext> context;
  ClientWire wire;
  bssl::UniquePtr<SSL> ssl;              // after wire: its BIO points there
  bssl::UniquePtr<SSL_SESSION> offered;  // to be resumed
  bool has_heard = false;
  bool closed = false;
};

ClientEngine::ClientEngine(std::shared_ptr<const ClientContext> context)
    : native_(std::make_unique<Native>()) {
  native_->context = std::move(context);
  native_->wire.native = &native_->context->native();
}

// A handshake that ends nowhere was cut off, or took too long: maybe because of what it offered.
ClientEngine::~ClientEngine() {
  if (state_ == State::handshaking) forget_offered();
}

void ClientEngine::start(std::string& output) {
  const auto& context = native_->context->native();
  const Lent lent(native_->wire, {}, output);
  ERR_clear_error();
  native_->ssl.reset(SSL_new(context.context.get()));
  auto bio = make_bio(native_->wire);
  SSL* const ssl = native_->ssl.get();
  if (ssl == nullptr || !bio ||
      (!context.is_numeric && SSL_set_tlsext_host_name(ssl, context.options.name.c_str()) == 0)) {
    ERR_clear_error();
    fail(ClientFailure::broken, "out of memory");
    return;
  }
  BIO* const taken = bio.release();
  SSL_set_bio(ssl, taken, taken);
  SSL_set_connect_state(ssl);
  enforce_key_usage(ssl);
  SSL_set_shed_handshake_config(ssl, 1);
  if (auto kept = context.take(); kept && SSL_set_session(ssl, kept->session.get()) == 1) {
    native_->wire.not_after = kept->not_after;
    native_->offered = std::move(kept->session);
  }
  shake_hands();
}

ClientEngine::State ClientEngine::receive(std::string_view cipher, Octets& plain,
                                          std::string& output) {
  if (state_ == State::ended || state_ == State::failed) return state_;
  if (!cipher.empty() && !std::exchange(native_->has_heard, true)) {
    const auto first = static_cast<std::uint8_t>(cipher.front());
    if (first != SSL3_RT_ALERT && first != SSL3_RT_HANDSHAKE) {
      fail(ClientFailure::not_tls, "the server speaks no TLS here");
      return state_;
    }
  }
  const Lent lent(native_->wire, cipher, output);
  if (state_ == State::handshaking) shake_hands();
  if (state_ == State::open) decrypt(plain);
  return state_;
}

void ClientEngine::shake_hands() {
  SSL* const ssl = native_->ssl.get();
  const int result = SSL_do_handshake(ssl);
  if (result != 1) return settle(result);
  facts_.version = SSL_version(ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
  facts_.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
  if (const char* const curve = SSL_get_curve_name(SSL_get_curve_id(ssl)); curve != nullptr) {
    facts_.curve = curve;
  }
  facts_.resumed = SSL_session_reused(ssl) == 1;
  state_ = State::open;
}

void ClientEngine::decrypt(Octets& plain) {
  SSL* const ssl = native_->ssl.get();
  while (state_ == State::open) {
    char first = 0;
    const int result = SSL_peek(ssl, &first, 1);  // opens one record; it stays BoringSSL's
    if (result != 1) return settle(result);
    const auto size = static_cast<std::size_t>(SSL_pending(ssl));
    SSL_read(ssl, plain.grow(size), static_cast<int>(size));  // all of what is pending
  }
}

// After a call of BoringSSL's that gave no success.
void ClientEngine::settle(int result) {
  switch (SSL_get_error(native_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:  // all of what there is was read
      return;
    case SSL_ERROR_ZERO_RETURN:
      if (state_ == State::open) {
        state_ = State::ended;
      } else {
        fail(ClientFailure::handshake, "the server ended the handshake");
      }
      return;
    default:
      const auto cause = take_cause();
      if (!native_->wire.fault.empty()) {
        fail(ClientFailure::certificate, std::move(native_->wire.fault));
      } else {
        fail(state_ == State::handshaking || ERR_GET_REASON(cause) >= SSL_AD_REASON_OFFSET
                 ? ClientFailure::handshake
                 : ClientFailure::broken,
             words_for(cause));
      }
  }
}

void ClientEngine::fail(ClientFailure failure, std::string text) {
  state_ = State::failed;
  failure_ = failure;
  failure_text_ = std::move(text);
  native_->ssl.reset();
  forget_offered();
}

// What breaks is not resumed any more (RFC 5246 section 7.2): else a session of TLS 1.2, which serves
// again and again, would keep a server out that cannot resume it. Where it broke the handshake, the
// others of that server may do so as well.
void ClientEngine::forget_offered() {
  if (!native_->offered) return;
  const auto& context = native_->context->native();
  if (facts_.version.empty()) {
    context.forget_all();
  } else {
    context.forget(native_->offered.get());
  }
  native_->offered.reset();
}

void ClientEngine::seal(std::string_view plain, std::string& output) {
  if ((state_ != State::open && state_ != State::ended) || native_->closed) return;
  constexpr std::size_t kMaxWrite = std::size_t{1} << 30;  // BoringSSL counts in int
  const Lent lent(native_->wire, {}, output);
  while (!plain.empty()) {
    const auto piece = plain.substr(0, kMaxWrite);
    const int result = SSL_write(native_->ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (result <= 0) return fail(ClientFailure::broken, words_for(take_cause()));
    plain.remove_prefix(static_cast<std::size_t>(result));
  }
}

void ClientEngine::close(std::string& output) {
  if ((state_ != State::open && state_ != State::ended) || native_->closed) return;
  const Lent lent(native_->wire, {}, output);
  native_->closed = true;
  SSL_shutdown(native_->ssl.get());
  ERR_clear_error();
}

ServerCertificate ClientEngine::certificate() const {
  if (!native_->ssl) return {};
  const auto* const chain = SSL_get0_peer_certificates(native_->ssl.get());
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return {};
  return describe(sk_CRYPTO_BUFFER_value(chain, 0));
}

}  // namespace postern::tls
