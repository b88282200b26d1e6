// What a session tells the audit: the one place where its events are built.
#include <utility>

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
  }
  __builtin_unreachable();
}

}  // namespace

void Session::record(audit::EventBody body) {
  host_.audit().record({host_.clock().wall(), std::move(body)});
}

audit::SessionPart Session::session_part() const {
  const bool is_upgradable = admission_.tls_mode == conf::TlsMode::required ||
                             admission_.tls_mode == conf::TlsMode::optional;
  audit::SessionPart part;
  part.id = id_;
  part.listener = service_->listener().name;
  part.protocol = protocols::name_of(service_->protocol);
  part.source = source_;
  part.destination = destination_;
  part.server = server_;
  part.security = security_of(security_);
  part.starttls_offered = is_upgradable;
  part.starttls_used = security_ == policy::Security::starttls;
  if (engine_ != nullptr && !engine_->facts().version.empty()) {  // of one that broke, too
    const auto& facts = engine_->facts();
    part.tls = audit::Tls{facts.version,     facts.cipher,  facts.curve, facts.alpn,
                          facts.server_name, facts.resumed, {}};
  }
  part.client_name = client_name_;
  part.client_named_by = client_named_by_;
  return part;
}

void Session::record_login(const protocols::Login& login, protocols::Outcome outcome) {
  const bool is_success = outcome == protocols::Outcome::success;
  audit::LoginEvent event;
  event.session = session_part();
  event.login.mechanism = login.mechanism;
  event.login.secret_exposed = login.sends_secret && security_ == policy::Security::cleartext;
  if (is_success) {
    event.login.user = login.user;
    event.login.effective = login.authorization;
  } else if (!login.user.empty()) {
    event.login.user_hash = host_.hash_of(login.user);
  }
  event.success = is_success;
  event.duration = host_.clock().exact() - login_tried_at_;
  event.verdict = policy::name_of(decision_.verdict);
  event.rule = decision_.rule;
  record(std::move(event));
}

void Session::record_refused(const protocols::Login& login, Exposure exposure) {
  audit::LoginRefusedEvent event;
  event.session = session_part();
  event.login.mechanism = login.mechanism;
  event.login.secret_exposed = exposure == Exposure::secret;
  event.login.user = login.user;
  event.login.effective = login.authorization;
  event.reason = policy::name_of(decision_.reason);
  event.rule = decision_.rule;
  record(std::move(event));
}

void Session::record_handshake_failed(std::string_view reason) {
  audit::HandshakeEvent event;
  event.session = session_part();
  event.reason = reason;
  if (const auto* offer = engine_->offer()) {
    event.hello.versions = offer->versions;
    event.hello.ciphers = offer->ciphers;
    event.hello.groups = offer->groups;
    event.hello.signature_algorithms = offer->signature_algorithms;
    event.server_name = offer->server_name;
  }
  record(std::move(event));
}

void Session::record_end(EndReason reason) {
  audit::SessionEndEvent event;
  event.session = session_part();
  event.reason = session::name_of(reason);
  event.duration = host_.clock().exact() - accepted_at_;
  event.bytes_in = bytes_in_;
  event.bytes_out = bytes_out_;
  if (!has_settled_) {
    if (gate_ != nullptr) event.last_command = gate_->last_command();
    if (dialogue_ != nullptr) event.last_command = dialogue_->last_command();
  }
  record(std::move(event));
}

void Session::notice(std::string_view action, std::string_view reason) {
  record(audit::SessionNotice{session_part(), action, std::string(reason)});
}

}  // namespace postern::session
