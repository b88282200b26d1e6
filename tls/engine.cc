// See engine.h.
//
// Memory of an idle engine: see the test "an idle open engine holds little".
// BoringSSL frees record buffers as soon as they are empty, so there is no mode to ask for that.
#include "tls/engine.h"

#include <algorithm>
#include <utility>

#include "tls/client_authority.h"
#include "tls/native.h"

namespace postern::tls {

namespace {

constexpr std::uint8_t kFirstLook = 2;
constexpr std::string_view kClosedEarly = "CLOSE_NOTIFY_IN_HANDSHAKE";

struct Fault {
  Failure failure = Failure::protocol_error;
  std::string text;
};

Failure failure_of(int reason) {
  if (reason >= SSL_AD_REASON_OFFSET) return Failure::peer_alert;
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return Failure::no_shared_version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
    case SSL_R_WRONG_CURVE:  // newer ones, of an EC key in TLS 1.2 and before: RFC 8422 section 5.1
      return Failure::no_shared_cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Failure::alpn_refused;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Failure::client_certificate_missing;
    case SSL_R_KEY_USAGE_BIT_INCORRECT:
      return Failure::client_certificate_wrong_purpose;
    default:
      return Failure::protocol_error;
  }
}

// Whether it is the client's certificate that was refused.
constexpr bool is_of_certificate(Failure failure) {
  return failure >= Failure::client_certificate_missing &&
         failure <= Failure::client_certificate_invalid;
}

// Empties the error queue. The oldest error of the TLS library is the cause; others are those of
// the functions that it called, or that called it.
Fault take_fault() {
  std::uint32_t cause = 0;
  for (auto error = ERR_get_error(); error != 0; error = ERR_get_error()) {
    if (cause == 0 || (ERR_GET_LIB(cause) != ERR_LIB_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL)) {
      cause = error;
    }
  }
  Fault fault;
  if (ERR_GET_LIB(cause) == ERR_LIB_SSL) fault.failure = failure_of(ERR_GET_REASON(cause));
  if (const char* const text = ERR_reason_error_string(cause); text != nullptr) fault.text = text;
  return fault;
}

// In TLS 1.3 a client may end the handshake with an alert in clear when the server already expects
// encrypted ones: OpenSSL's does so when it refuses the certificate. BoringSSL takes that for a
// broken record. `last_read` is the end of what it read; "" where it is no such alert.
std::string alert_in_clear(const std::array<char, 7>& last_read) {
  const std::string_view record(last_read.data(), last_read.size());
  constexpr std::string_view kLength("\0\2", 2);
  if (record[0] != SSL3_RT_ALERT || record[1] != SSL3_VERSION_MAJOR ||
      record.substr(3, 2) != kLength) {
    return {};
  }
  const auto description = static_cast<std::uint8_t>(record[6]);
  if (description == SSL_AD_CLOSE_NOTIFY) return std::string(kClosedEarly);
  const char* const text =
      ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + description));
  return text == nullptr ? "ALERT" : text;
}

std::string version_of(const SSL* ssl) {
  switch (SSL_version(ssl)) {
    case TLS1_VERSION:
      return "1.0";
    case TLS1_1_VERSION:
      return "1.1";
    case TLS1_2_VERSION:
      return "1.2";
    default:
      return "1.3";
  }
}

std::string curve_of(const SSL* ssl) {
  const char* const name = SSL_get_curve_name(SSL_get_curve_id(ssl));
  return name == nullptr ? "" : name;
}

std::string alpn_of(const SSL* ssl) {
  const std::uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

// Whether, while more of the handshake is awaited, the key is used as soon as it comes: behind a
// HelloRetryRequest, or with RSA key exchange.
bool uses_key_next(const SSL* ssl) {
  const auto* const suite = SSL_get_pending_cipher(ssl);
  return SSL_used_hello_retry_request(ssl) == 1 ||
         (suite != nullptr && SSL_CIPHER_get_kx_nid(suite) == NID_kx_rsa);
}

// Whether `cipher`, which has just come, is to be kept. What is called with nothing has its turn.
bool must_wait(Handshake& handshake, std::string_view cipher) {
  if (handshake.wait != Handshake::Wait::none) return true;
  if (handshake.queue == nullptr || cipher.empty() || !handshake.held.empty()) return false;
  if (handshake.queue->may_step(handshake)) {
    handshake.queue->step();
    return false;
  }
  handshake.queue->await_turn(handshake);
  return true;
}

// Whether another server may get a hello of which nothing is served here. Not where its client was
// made to offer less than it can, or was led to the wrong port: the other server would not know.
bool may_go_elsewhere(const Offer& offer, const ServerContext::Native& context) {
  constexpr std::uint16_t kFallback = 0x5600;
  return std::find(offer.ciphers.begin(), offer.ciphers.end(), kFallback) == offer.ciphers.end() &&
         judge_alpn(offer.alpn, context.alpn, context.alpn_mode) != AlpnVerdict::refuse;
}

}  // namespace

struct Engine::Native {
  std::shared_ptr<const ServerContext> context;
  Wire wire;
  bssl::UniquePtr<SSL> ssl;     // after wire: its BIO points there
  std::uint8_t first_seen = 0;  // how many of the first octets were looked at
  bool closed = false;
  bool leaves_unanswered = false;
  bool has_put_out = false;
  bool is_unanswered = false;
};

Engine::Engine(std::shared_ptr<const ServerContext> context, HandshakeQueue* queue,
               HandshakeUser* user)
    : native_(std::make_unique<Native>()), facts_(std::make_unique<Facts>()) {
  native_->context = std::move(context);
  native_->wire.handshake = std::make_unique<Handshake>(queue, user);
  native_->wire.context = &native_->context->native();
  native_->ssl.reset(SSL_new(native_->wire.context->context.get()));
  auto bio = make_bio(native_->wire);
  if (!native_->ssl || !bio) {
    native_->ssl.reset();
    fail(Failure::protocol_error, "out of memory");
    return;
  }
  SSL* const ssl = native_->ssl.get();
  BIO* const taken = bio.release();
  SSL_set_bio(ssl, taken, taken);
  SSL_set_accept_state(ssl);
  SSL_set_shed_handshake_config(ssl, 1);
}

Engine::~Engine() = default;

bool Engine::is_holding() const {
  return native_->wire.handshake != nullptr && !native_->wire.handshake->held.empty();
}

const Offer* Engine::offer() const { return native_->wire.offer.get(); }

void Engine::leave_unanswered() { native_->leaves_unanswered = true; }

void Engine::answer_all() { native_->leaves_unanswered = false; }

bool Engine::is_unanswered() const { return native_->is_unanswered; }

Lack Engine::lack() const { return offer() == nullptr ? Lack{} : lack(*offer()); }

Lack Engine::lack(const Offer& offer) const {
  return offer.is_cut ? Lack{} : lack_of(native_->context->serving(), offer);
}

void Engine::take_sslv2_hello() { native_->first_seen = kFirstLook; }

bool Engine::is_untouched() const { return native_->first_seen == 0; }

void Engine::drop_offer() {
  if (state_ != State::handshaking) native_->wire.offer.reset();
}

// RFC 8446 section 5.1: a content type from 20 to 23, then the major version 3. BoringSSL itself
// would still take any hello of SSLv2's format (RFC 5246 appendix E.2), which no client of today sends.
bool Engine::looks_like_tls(std::string_view cipher) {
  auto& seen = native_->first_seen;
  for (std::size_t i = 0; seen < kFirstLook && i < cipher.size(); ++i, ++seen) {
    const auto octet = static_cast<std::uint8_t>(cipher[i]);
    if (seen == 0 ? octet < SSL3_RT_CHANGE_CIPHER_SPEC || octet > SSL3_RT_APPLICATION_DATA
                  : octet != SSL3_VERSION_MAJOR) {
      return false;
    }
  }
  return true;
}

Engine::State Engine::receive(std::string_view cipher, Octets& plain, std::string& output) {
  if (state_ == State::ended || state_ == State::failed) return state_;
  if (!looks_like_tls(cipher)) {
    fail(Failure::not_tls, "NO_TLS_RECORD");
    return state_;
  }
  auto* const handshake = native_->wire.handshake.get();
  if (handshake == nullptr) {
    run(cipher, plain, output);
  } else if (must_wait(*handshake, cipher)) {
    handshake->held.append(cipher);
  } else if (handshake->held.empty()) {
    run(cipher, plain, output);
  } else {
    auto held = std::exchange(handshake->held, {});
    run(held.append(cipher), plain, output);
  }
  return state_;
}

void Engine::run(std::string_view cipher, Octets& plain, std::string& output) {
  const Lent lent(native_->wire, cipher, output);
  const auto before = output.size();
  if (state_ == State::handshaking) shake_hands();
  if (native_->leaves_unanswered) take_back(output, before);
  decrypt(plain);
}

// The alert for a hello of which nothing is served, where nothing has left before.
void Engine::take_back(std::string& output, std::size_t before) {
  auto& native = *native_;
  const bool shares_nothing =
      failure_ == Failure::no_shared_version || failure_ == Failure::no_shared_cipher;
  if (state_ == State::failed && shares_nothing && !native.has_put_out &&
      may_go_elsewhere(*native.wire.offer, *native.wire.context)) {
    output.resize(before);
    native.is_unanswered = true;
  }
  native.has_put_out = native.has_put_out || output.size() > before;
}

void Engine::shake_hands() {
  SSL* const ssl = native_->ssl.get();
  const Timekeeping timekeeping(native_->wire);
  const int result = SSL_do_handshake(ssl);
  if (result != 1) {
    settle(result);
    return;
  }
  facts_->version = version_of(ssl);
  facts_->cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
  facts_->curve = curve_of(ssl);
  facts_->server_name = native_->wire.offer->server_name;
  facts_->ja4 = native_->wire.offer->ja4;
  facts_->alpn = alpn_of(ssl);
  facts_->resumed = SSL_session_reused(ssl) == 1;
  facts_->is_below_minimum = SSL_version(ssl) < native_->wire.context->min_version;
  facts_->client_certificate = client_of(ssl);
  native_->wire.handshake.reset();
  state_ = State::open;
}

// Where nothing has come, nothing is asked for: BoringSSL reads no octet ahead, so behind a record it
// holds nothing back, and would get itself a buffer only to find that out.
void Engine::decrypt(Octets& plain) {
  SSL* const ssl = native_->ssl.get();
  while (state_ == State::open && !native_->wire.cipher.empty()) {
    const int result = SSL_read(ssl, plain.grow(kMaxRecord), static_cast<int>(kMaxRecord));
    plain.give_back(kMaxRecord - static_cast<std::size_t>(std::max(result, 0)));
    if (result <= 0) settle(result);
  }
}

// After a call of BoringSSL's that gave no success.
void Engine::settle(int result) {
  switch (SSL_get_error(native_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:  // all of what there is was read
      if (state_ == State::handshaking) {
        native_->wire.handshake->key_is_next = uses_key_next(native_->ssl.get());
      }
      return;
    case SSL_ERROR_WANT_PRIVATE_KEY_OPERATION:
      native_->wire.handshake->held = native_->wire.cipher;
      return;
    case SSL_ERROR_ZERO_RETURN:
      if (state_ == State::open) {
        state_ = State::ended;
      } else {
        fail(Failure::peer_alert, std::string(kClosedEarly));
      }
      return;
    default:
      auto fault = take_fault();
      if (state_ == State::handshaking && native_->wire.handshake->refusal != Failure::none) {
        fault.failure = native_->wire.handshake->refusal;
      } else if (state_ == State::handshaking && fault.failure == Failure::protocol_error) {
        if (auto alert = alert_in_clear(native_->wire.last_read); !alert.empty()) {
          fault = {Failure::peer_alert, std::move(alert)};
        }
      }
      if (state_ == State::handshaking && is_of_certificate(fault.failure)) {
        facts_->client_certificate = std::move(native_->wire.handshake->client_certificate);
      }
      fail(fault.failure, std::move(fault.text));
  }
}

void Engine::fail(Failure failure, std::string text) {
  state_ = State::failed;
  failure_ = failure;
  failure_text_ = std::move(text);
  native_->ssl.reset();
}

void Engine::seal(std::string_view plain, std::string& output) {
  if ((state_ != State::open && state_ != State::ended) || native_->closed) return;
  constexpr std::size_t kMaxWrite = std::size_t{1} << 30;  // BoringSSL counts in int
  const Lent lent(native_->wire, {}, output);
  while (!plain.empty()) {
    const auto piece = plain.substr(0, kMaxWrite);
    const int result = SSL_write(native_->ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (result <= 0) {
      auto fault = take_fault();
      fail(fault.failure, std::move(fault.text));
      return;
    }
    plain.remove_prefix(static_cast<std::size_t>(result));
  }
}

void Engine::close(std::string& output) {
  if ((state_ != State::open && state_ != State::ended) || native_->closed) return;
  const Lent lent(native_->wire, {}, output);
  native_->closed = true;
  SSL_shutdown(native_->ssl.get());
}

}  // namespace postern::tls
