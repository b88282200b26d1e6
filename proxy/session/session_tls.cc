// The client's TLS: from its first bytes to plain text.
#include <cstring>
#include <utility>

#include "proxy/session/first_bytes.h"
#include "proxy/session/session.h"

namespace postern::session {

using protocols::Farewell;

namespace {

std::string_view name_of(tls::Failure failure) {
  switch (failure) {
    case tls::Failure::none:
      return "";
    case tls::Failure::not_tls:
      return "not_tls";
    case tls::Failure::no_shared_version:
      return "no_shared_version";
    case tls::Failure::no_shared_cipher:
      return "no_shared_cipher";
    case tls::Failure::alpn_refused:
      return "alpn_refused";
    case tls::Failure::sni_refused:
      return "sni_refused";
    case tls::Failure::client_certificate_missing:
      return "client_certificate_missing";
    case tls::Failure::client_certificate_expired:
      return "client_certificate_expired";
    case tls::Failure::client_certificate_not_yet_valid:
      return "client_certificate_not_yet_valid";
    case tls::Failure::client_certificate_unknown_ca:
      return "client_certificate_unknown_ca";
    case tls::Failure::client_certificate_revoked:
      return "client_certificate_revoked";
    case tls::Failure::client_certificate_no_crl:
      return "client_certificate_no_crl";
    case tls::Failure::client_certificate_wrong_purpose:
      return "client_certificate_wrong_purpose";
    case tls::Failure::client_certificate_invalid:
      return "client_certificate_invalid";
    case tls::Failure::peer_alert:
      return "peer_alert";
    case tls::Failure::protocol_error:
      return "protocol_error";
  }
  __builtin_unreachable();
}

Farewell farewell_for(std::string_view old_version) {
  if (old_version == "1.0") return Farewell::old_tls_1_0;
  return old_version == "1.1" ? Farewell::old_tls_1_1 : Farewell::old_tls_1_2;
}

}  // namespace

void Session::take_ciphertext(std::string_view bytes) {
  std::string whole;
  if (first_flight_ == nullptr && begins_like_sslv2(bytes) && engine_->is_untouched())
    first_flight_ = std::make_unique<std::string>();
  if (first_flight_ != nullptr && !keep_first_flight(bytes, whole)) return;
  auto& plain = host_.scratch().decrypted;
  const bool was_handshaking = engine_->state() == tls::Engine::State::handshaking;
  if (!std::exchange(has_heard_client_, true) && security_ == policy::Security::implicit &&
      !looks_like_tls(bytes)) {
    notice("clear-on-tls-port", "clear text came where a ClientHello was expected");
    engine_.reset();
    say_in_clear(Farewell::clear_on_tls_port);
    end(EndReason::clear_on_tls_port, Manner::polite);
    return;
  }
  const auto state = engine_->receive(bytes, plain, host_.scratch().to_client);
  if (state == tls::Engine::State::failed) {
    if (was_handshaking) {
      handshake_failed(bytes);
    } else {
      end(EndReason::tls_error, Manner::cut);
    }
    plain.wipe();
    return;
  }
  if (first_flight_ != nullptr && engine_->offer() != nullptr)
    first_flight_.reset();  // it is served
  if (was_handshaking && state != tls::Engine::State::handshaking) handshake_done();
  if (!plain.empty()) {
    take_plaintext(plain);
    // Until the login is through, passwords pass here.
    if (state_ != State::passthrough) plain.wipe();
    plain.clear();
  }
  if (state == tls::Engine::State::ended) take_client_end();
}

void Session::make_engine() {
  tls::HandshakeUser& self = *this;
  engine_ = std::make_unique<tls::Engine>(service_->tls->find(service_->index, terms_.tls),
                                          &host_.handshakes(), &self);
  if (terms_.may_splice && security_ == policy::Security::implicit) {
    first_flight_ = std::make_unique<std::string>();
    engine_->leave_unanswered();
  }
}

// The go-ahead has left: nothing of the clear conversation is carried over, since the gate, the
// dialogue and the backend session cease to exist here. `first_bytes` is what stood behind the
// STARTTLS line: it belongs to TLS alone.
void Session::start_handshake(std::string_view first_bytes) {
  is_upgrading_ = false;
  gate_.reset();
  dialogue_.reset();
  link_.reset();
  backend_.reset();
  server_.reset();
  server_tls_.reset();
  client_name_.clear();
  security_ = policy::Security::starttls;
  enter(Event::upgrade);
  stage_began_ = host_.clock().now();
  make_engine();
  if (!first_bytes.empty()) take_ciphertext(first_bytes);
}

void Session::handshake_done() {
  enter(Event::secured);
  const auto greeting = security_ == policy::Security::starttls
                            ? protocols::BackendGreeting::swallow
                            : protocols::BackendGreeting::pass;
  if (engine_->facts().is_below_minimum) return refuse_old_tls(greeting);
  if (security_ == policy::Security::implicit) name_unusual_port();
  if (service_->settings->audit.handshakes == conf::Handshakes::all) record_handshake();
  if (host_.remembered().fingerprints.contains(fingerprint_key(), 0)) engine_->drop_offer();
  start_dialogue(greeting);
}

// No backend is dialled and no login taken: the client's people are told, in its protocol's words.
void Session::refuse_old_tls(protocols::BackendGreeting greeting) {
  record_handshake_failed(policy::name_of(policy::Reason::tls_version));
  engine_->drop_offer();
  make_dialogue(greeting);
  has_greeted_ = backend_ended_ = true;  // nothing is to come
  stage_began_ = host_.clock().now();
  farewell_reason_ = EndReason::old_tls;
  dialogue_->refuse_service(farewell_for(engine_->facts().version), host_.scratch().steps);
  run_steps();
}

// `bytes` are those that failed it. A hello of SSLv2, which old clients send, is not clear text.
void Session::handshake_failed(std::string_view bytes) {
  if (first_flight_ != nullptr && engine_->is_unanswered()) return splice(*engine_->offer());
  const bool is_injection = security_ == policy::Security::starttls &&
                            engine_->failure() == tls::Failure::not_tls && !looks_like_tls(bytes);
  if (is_injection) {
    notice("starttls-injection", "clear text stood behind STARTTLS");
  } else {
    record_handshake_failed(name_of(engine_->failure()));
  }
  end(is_injection ? EndReason::starttls_injection : EndReason::handshake_failed, Manner::polite);
}

}  // namespace postern::session
