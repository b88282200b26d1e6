// What a session tells the audit: the one place where its events are built.
#include <utility>

#include "proxy/session/need.h"
#include "proxy/session/session.h"

namespace postern::session {

namespace {

audit::Security security_of(policy::Security security) {
  switch (security) {
    case policy::Security::cleartext:
      return audit::Security::cleartext;
    case policy::Security::starttls:
      return audit::Security::starttls;
    case policy::Security::implicit:
      return audit::Security::implicit;
    case policy::Security::passthrough:
      return audit::Security::passthrough;
  }
  __builtin_unreachable();
}

std::shared_ptr<const audit::ClientCertificate> certificate_of(const tls::Facts& facts) {
  if (facts.client_certificate == nullptr) return nullptr;
  const auto& shown = *facts.client_certificate;
  return std::make_shared<const audit::ClientCertificate>(
      audit::ClientCertificate{shown.subject, shown.issuer, shown.names, shown.sha256});
}

audit::Hello hello_of(const tls::Offer& offer) {
  return {offer.versions, offer.ciphers, offer.groups, offer.signature_algorithms};
}

void describe(const tls::Offer& offer, audit::HandshakeEvent& event) {
  event.hello = hello_of(offer);
  event.ja4 = offer.ja4.text();
  event.server_name = offer.server_name;
}

}  // namespace

void Session::record(audit::EventBody body) {
  host_.audit().record({host_.clock().wall(), std::move(body)});
}

audit::SessionPart Session::session_part() const {
  const bool is_upgradable =
      terms_.tls_mode == conf::TlsMode::required || terms_.tls_mode == conf::TlsMode::optional;
  audit::SessionPart part;
  part.id = id_;
  part.listener = service_->listener().name;
  part.protocol = protocols::name_of(service_->protocol);
  part.source = source_;
  part.forwarded_by = forwarded_by_;
  part.destination = destination_;
  part.server = server_;
  if (server_tls_ != nullptr) part.server_tls = *server_tls_;
  part.security = security_of(security_);
  part.starttls_offered = is_upgradable;
  part.starttls_used = security_ == policy::Security::starttls;
  if (engine_ != nullptr && !engine_->facts().version.empty()) {  // of one that broke, too
    const auto& facts = engine_->facts();
    part.tls = audit::Tls{facts.version,
                          facts.cipher,
                          facts.curve,
                          facts.alpn,
                          facts.server_name,
                          facts.resumed,
                          std::string(facts.ja4.text())};
  }
  if (engine_ != nullptr) part.certificate = certificate_of(engine_->facts());
  part.opened_by = terms_.opened_by;
  part.client_name = client_name_;
  part.client_named_by = client_named_by_;
  return part;
}

// Failed logins never show the name: people type passwords into its field.
audit::LoginPart Session::login_part(const protocols::Login& login, Exposure exposure,
                                     Naming naming) const {
  audit::LoginPart part;
  part.mechanism = login.mechanism;
  part.secret_exposed = exposure == Exposure::secret;
  if (naming == Naming::typed && service_->settings->audit.usernames == conf::Usernames::plain) {
    part.user = login.user;
    part.effective = login.authorization;
  } else if (!login.user.empty()) {
    part.user_hash = host_.hash_of(login.user);
  }
  return part;
}

void Session::record_login(const protocols::Login& login, protocols::Outcome outcome,
                           const Attempt& attempt) {
  const bool is_exposed = login.sends_secret && security_ == policy::Security::cleartext;
  audit::LoginEvent event;
  event.session = session_part();
  event.success = outcome == protocols::Outcome::success;
  event.login = login_part(login, is_exposed ? Exposure::secret : Exposure::none,
                           event.success ? Naming::typed : Naming::hashed);
  event.duration = host_.clock().exact() - attempt.tried_at;
  event.verdict = policy::name_of(attempt.decision.verdict);
  event.rule = attempt.decision.rule;
  event.hello = take_new_hello();
  record(std::move(event));
}

void Session::record_refused(const protocols::Login& login, const policy::Decision& decision,
                             Exposure exposure) {
  audit::LoginRefusedEvent event;
  event.session = session_part();
  event.login = login_part(login, exposure, Naming::typed);
  event.reason = policy::name_of(decision.reason);
  event.rule = decision.rule;
  record(std::move(event));
}

void Session::record_handshake() {
  audit::HandshakeEvent event;
  event.session = session_part();
  record(std::move(event));
}

// A client that was served, and broke off, lacks nothing.
void Session::record_handshake_failed(std::string_view reason) {
  const bool was_served = engine_->failure() != tls::Failure::no_shared_version &&
                          engine_->failure() != tls::Failure::no_shared_cipher &&
                          !engine_->facts().is_below_minimum;
  record_handshake_failed(reason, engine_->offer(), was_served ? tls::Lack{} : engine_->lack());
}

void Session::record_handshake_failed(std::string_view reason, const tls::Offer* offer,
                                      const tls::Lack& lack) {
  audit::HandshakeEvent event;
  event.session = session_part();
  event.reason = reason;
  if (offer != nullptr) describe(*offer, event);
  event.needs = text_of(lack);
  record(std::move(event));
}

void Session::record_spliced(const tls::Offer& offer) {
  audit::HandshakeEvent event;
  event.session = session_part();
  event.reason = audit::kSpliced;
  describe(offer, event);
  record(std::move(event));
}

std::uint64_t Session::fingerprint_key() const {
  return std::hash<std::string_view>()(engine_->facts().ja4.text());
}

// What the client offered, where no event has described its fingerprint yet. From now on it is
// known, so that nothing is kept for it.
std::shared_ptr<const audit::Hello> Session::take_new_hello() {
  if (engine_ == nullptr || engine_->offer() == nullptr) return nullptr;
  std::shared_ptr<const audit::Hello> hello;
  if (host_.remembered().fingerprints.insert(fingerprint_key(), 0)) {
    hello = std::make_shared<const audit::Hello>(hello_of(*engine_->offer()));
  }
  engine_->drop_offer();
  return hello;
}

// The client has said something of a handshake, or asked for one.
bool Session::has_begun_tls() const {
  return has_heard_client_ || (first_flight_ != nullptr && !first_flight_->empty());
}

// A handshake that failed, or TLS in the wrong place, has an event of its own; not one that never
// began, or that postern itself ended. Of a session that was handed on nobody knows.
bool Session::is_abandoned(EndReason reason) const {
  if (security_ == policy::Security::passthrough) return false;
  if (state_ == State::handshake && has_begun_tls() && reason != EndReason::shutdown) return false;
  if (reason == EndReason::tls_on_clear_port) return false;
  if (engine_ != nullptr && engine_->facts().is_below_minimum) return false;
  const bool is_mail = service_->protocol == protocols::Protocol::smtp && has_mailed_;
  return !has_logged_in_ && !is_mail;
}

void Session::record_end(EndReason reason) {
  std::string_view last_command;
  if (gate_ != nullptr) last_command = gate_->last_command();
  if (dialogue_ != nullptr) last_command = dialogue_->last_command();
  if (is_abandoned(reason)) {
    record(audit::SessionAbandonedEvent{session_part(), session::name_of(reason),
                                        std::string(last_command)});
  }
  audit::SessionEndEvent event;
  event.session = session_part();
  event.reason = session::name_of(reason);
  event.duration = host_.clock().exact() - accepted_at_;
  event.bytes_in = bytes_in_;
  event.bytes_out = bytes_out_;
  if (!has_settled_) event.last_command = last_command;
  record(std::move(event));
}

void Session::notice(std::string_view action, std::string_view reason) {
  record(audit::SessionNotice{session_part(), action, std::string(reason)});
}

void Session::notice_backend_tls(std::string_view words) {
  audit::SessionNotice event{session_part(), "backend-tls-failed", "backend_tls_failed"};
  event.message = words;
  record(std::move(event));
}

}  // namespace postern::session
