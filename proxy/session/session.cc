// See session.h. Here: what happened, and the stages. What is decided (reading, writing, time) and
// the end stand in session_advance.cc, the events in session_events.cc.
#include "proxy/session/session.h"

#include <cassert>
#include <cstring>
#include <utility>
#include <variant>

#include "protocols/greeting.h"
#include "proxy/session/first_bytes.h"

namespace postern::session {

using protocols::Farewell;
using protocols::Side;

namespace {

protocols::Verdict verdict_of(const policy::Decision& decision) {
  switch (decision.verdict) {
    case policy::Verdict::allow:
      return protocols::Verdict::allow;
    case policy::Verdict::warn:
      return protocols::Verdict::warn;
    case policy::Verdict::refuse:
      return protocols::Verdict::refuse;
  }
  __builtin_unreachable();
}

// As Facts::version has it.
std::optional<conf::TlsVersion> version_of(std::string_view name) {
  if (name == "1.3") return conf::TlsVersion::tls1_3;
  if (name == "1.2") return conf::TlsVersion::tls1_2;
  if (name == "1.1") return conf::TlsVersion::tls1_1;
  if (name == "1.0") return conf::TlsVersion::tls1_0;
  return std::nullopt;
}

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
    case tls::Failure::peer_alert:
      return "peer_alert";
    case tls::Failure::protocol_error:
      return "protocol_error";
  }
  __builtin_unreachable();
}

}  // namespace

Session::Session(Host& host, std::shared_ptr<const Service> service, const net::Address& source,
                 net::StreamPtr client, std::string id)
    : host_(host),
      service_(std::move(service)),
      id_(std::move(id)),
      source_(source),
      destination_(client->local()),
      accepted_at_(host.clock().exact()),
      timer_(host.timers(), *this),
      client_(std::move(client)),
      stage_began_(host.clock().now()),
      last_activity_(stage_began_) {
  client_->attach(*this);
}

void Session::begin() {
  admission_ = policy::admit(*service_->settings, question_about({}).now,
                             {service_->index, source_.octets()});
  switch (admission_.tls_mode) {
    case conf::TlsMode::implicit:
      security_ = policy::Security::implicit;
      enter(Event::implicit);
      engine_ = std::make_unique<tls::Engine>(service_->tls_from(admission_.min_version));
      break;
    case conf::TlsMode::required:
      enter(Event::required);
      gate_ = protocols::make_gate(service_->protocol, service_->options);
      gate_->greet(host_.scratch().steps);
      run_steps();
      break;
    case conf::TlsMode::optional:
    case conf::TlsMode::none:
      enter(Event::clear);
      start_dialogue(protocols::BackendGreeting::pass);
      break;
  }
  advance();
}

// ---------------------------------------------------------------------------- what happened

void Session::on_read(net::Stream& stream, std::span<char> read) {
  const std::string_view bytes(read.data(), read.size());
  last_activity_ = host_.clock().now();
  if (&stream == backend_.get()) {
    take_backend(bytes);
  } else if (state_ == State::draining) {
    thrown_away_ += bytes.size();
  } else if (engine_ != nullptr) {
    take_ciphertext(bytes);
  } else {
    take_cleartext(bytes);
    // Until the login is through, passwords pass here.
    if (state_ != State::passthrough) explicit_bzero(read.data(), read.size());
  }
  advance();
}

void Session::on_end(net::Stream& stream) {
  last_activity_ = host_.clock().now();
  if (&stream == backend_.get()) {
    take_backend_end();
  } else {
    take_client_end();
  }
  advance();
}

void Session::on_broken(net::Stream& stream, net::Error) {
  if (&stream != backend_.get()) {
    end(EndReason::client_reset, Manner::cut);
    close();
    return;
  }
  take_backend_loss();
  advance();
}

void Session::on_written(net::Stream&) {
  last_activity_ = host_.clock().now();
  if (state_ == State::draining) stage_began_ = last_activity_;  // delivered: now it may be heard
  advance();
}

void Session::on_linked(net::StreamPtr stream, const net::Address& server) {
  backend_ = std::move(stream);
  backend_->attach(*this);
  server_ = audit::Server{service_->backend.name, server, backend_->local().port()};
  if (state_ == State::dialling) enter(Event::linked);
  stage_began_ = last_activity_ = host_.clock().now();
  advance();
}

void Session::on_link_failed(net::Error) {
  give_up_backend(protocols::Ending::unreachable);
  advance();
}

// -------------------------------------------------------------------------- the client's way

void Session::take_cleartext(std::string_view bytes) {
  has_heard_client_ = true;
  // At once, or as some printers do, after an EHLO that offered no STARTTLS.
  const bool begins_line = std::exchange(ends_line_, bytes.ends_with('\n'));
  if (begins_line && !has_settled_ && looks_like_tls(bytes)) {
    notice("tls-on-clear-port", "a ClientHello came where clear text was expected");
    say_in_clear(Farewell::tls_on_clear_port);
    end(EndReason::tls_on_clear_port, Manner::polite);
    return;
  }
  take_plaintext(bytes);
}

void Session::take_ciphertext(std::string_view bytes) {
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
    explicit_bzero(plain.data(), plain.size());
    plain.clear();
    return;
  }
  if (was_handshaking && state != tls::Engine::State::handshaking) handshake_done();
  if (!plain.empty()) {
    take_plaintext(plain);
    // Until the login is through, passwords pass here.
    if (state_ != State::passthrough) explicit_bzero(plain.data(), plain.size());
    plain.clear();
  }
  if (state == tls::Engine::State::ended) take_client_end();
}

void Session::take_plaintext(std::string_view bytes) {
  auto& scratch = host_.scratch();
  switch (state_) {
    case State::gate:
      gate_->feed(bytes, scratch.steps);
      run_steps();
      break;
    case State::dialling:
    case State::dialogue:
      dialogue_->feed(Side::client, bytes, scratch.steps);
      run_steps();
      break;
    case State::passthrough:
      flush();  // what the dialogue still had comes first
      bytes_in_ += bytes.size();
      backend_->write(bytes);
      break;
    default:
      break;  // the session has ended meanwhile
  }
}

void Session::take_client_end() {
  if (std::exchange(client_ended_, true)) return;
  switch (state_) {
    case State::gate:
    case State::handshake:
      end(EndReason::client_closed, Manner::polite);
      break;
    case State::dialling:
    case State::dialogue:
      dialogue_->ended(Side::client, protocols::Ending::closed, host_.scratch().steps);
      run_steps();
      if (state_ == State::dialling && shut_backend_) {
        end(EndReason::client_closed, Manner::polite);  // it has nothing to say to the backend
      }
      break;
    case State::passthrough:
      shut_backend_ = true;
      break;
    default:
      break;
  }
}

// ------------------------------------------------------------------------- the backend's way

// Several servers: one that greets with a refusal counts as one that refuses the connection. Holds
// the greeting's first bytes back until it is known. Whether `bytes` were dealt with.
bool Session::try_next_server(std::string_view bytes) {
  if (!link_->has_next()) return false;
  greeting_begin_.append(bytes);
  switch (protocols::classify_greeting(service_->protocol, greeting_begin_)) {
    case protocols::GreetingKind::undecided:
      return true;
    case protocols::GreetingKind::refusal:
      dial_next_server();
      return true;
    case protocols::GreetingKind::other:
      return false;
  }
  __builtin_unreachable();
}

void Session::dial_next_server() {
  greeting_begin_.clear();
  backend_.reset();
  link_->next();
  stage_began_ = host_.clock().now();
}

void Session::take_backend(std::string_view bytes) {
  auto& scratch = host_.scratch();
  if (state_ == State::passthrough) {
    dialogue_->passed(bytes);
    bytes_out_ += bytes.size();
    flush();  // what was said before comes first
    if (engine_ != nullptr) {
      engine_->seal(bytes, scratch.to_client);
    } else {
      client_->write(bytes);
    }
    return;
  }
  if (state_ != State::dialogue) return;
  std::string begin;
  if (!has_greeted_) {
    if (try_next_server(bytes)) return;
    if (!greeting_begin_.empty()) {
      begin = std::exchange(greeting_begin_, {});
      bytes = begin;
    }
    has_greeted_ = true;
    link_.reset();
    stage_began_ = host_.clock().now();
  }
  dialogue_->feed(Side::backend, bytes, scratch.steps);
  run_steps();
}

// No server is left. The dialogue tells the client: at once, or in answer to its next command.
void Session::give_up_backend(protocols::Ending how) {
  link_.reset();
  backend_.reset();
  has_greeted_ = backend_ended_ = true;  // nothing more is to come
  stage_began_ = host_.clock().now();
  dialogue_->ended(Side::backend, how, host_.scratch().steps);
  run_steps();
}

void Session::take_backend_end() {
  if (state_ == State::dialogue && !has_greeted_) {
    if (link_->has_next()) {
      dial_next_server();
    } else {
      give_up_backend(protocols::Ending::closed);
    }
    return;
  }
  if (std::exchange(backend_ended_, true)) return;
  if (state_ == State::dialogue) {
    dialogue_->ended(Side::backend, protocols::Ending::closed, host_.scratch().steps);
    run_steps();
  } else if (state_ == State::passthrough) {
    if (client_ended_) return;  // it ends when all is delivered
    if (dialogue_->backend_may_close()) {
      shut_client_ = true;
    } else {
      say_farewell(Farewell::backend_lost, EndReason::backend_closed);
    }
  }
}

// Its connection broke: nothing can be sent there any more, either.
void Session::take_backend_loss() {
  if (state_ != State::passthrough) return take_backend_end();
  // Unless it had ended before, nobody knows whether more was to come: the client must see that it
  // was cut.
  if (backend_ended_) {
    end(EndReason::backend_closed, Manner::polite);
  } else {
    end(EndReason::backend_reset, Manner::cut);
  }
}

// ------------------------------------------------------------------------------- the stages

void Session::start_dialogue(protocols::BackendGreeting greeting) {
  const bool is_clear = security_ == policy::Security::cleartext;
  protocols::Conditions conditions;
  conditions.transport = is_clear ? protocols::Transport::cleartext : protocols::Transport::tls;
  conditions.upgrade = is_clear && admission_.tls_mode == conf::TlsMode::optional
                           ? protocols::Upgrade::offered
                           : protocols::Upgrade::not_offered;
  const auto decision = policy::judge_login(*service_->settings, question_about({}));
  conditions.cleartext_logins = decision.verdict == policy::Verdict::refuse
                                    ? protocols::CleartextLogins::not_offered
                                    : protocols::CleartextLogins::offered;
  conditions.greeting = greeting;
  dialogue_ = protocols::make_dialogue(service_->protocol, service_->options, conditions);
  has_greeted_ = has_settled_ = backend_ended_ = shut_backend_ = is_backend_shut_ = false;
  is_backend_clogged_ = false;
  server_.reset();
  backend::LinkUser& self = *this;
  link_ = std::make_unique<backend::Link>(host_.dialer(), host_.clock(), host_.timers(),
                                          service_->backend, self);
  link_->next();
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
  client_name_.clear();
  security_ = policy::Security::starttls;
  enter(Event::upgrade);
  stage_began_ = host_.clock().now();
  engine_ = std::make_unique<tls::Engine>(service_->tls_from(admission_.min_version));
  if (!first_bytes.empty()) take_ciphertext(first_bytes);
}

void Session::handshake_done() {
  engine_->drop_offer();  // no event of an open session needs it
  enter(Event::secured);
  start_dialogue(security_ == policy::Security::starttls ? protocols::BackendGreeting::swallow
                                                         : protocols::BackendGreeting::pass);
}

// `bytes` are those that failed it. A hello of SSLv2, which old clients send, is not clear text.
void Session::handshake_failed(std::string_view bytes) {
  const bool is_injection = security_ == policy::Security::starttls &&
                            engine_->failure() == tls::Failure::not_tls && !looks_like_tls(bytes);
  if (is_injection) {
    notice("starttls-injection", "clear text stood behind STARTTLS");
  } else {
    record_handshake_failed(name_of(engine_->failure()));
  }
  end(is_injection ? EndReason::starttls_injection : EndReason::handshake_failed, Manner::polite);
}

void Session::run_steps() {
  auto& steps = host_.scratch().steps;
  has_said_ = false;
  while (!steps.empty()) {
    // A held login is the last step of its list, so its answer's steps may take the list's place.
    bool is_judged = false;
    for (const auto& step : steps) {
      std::visit([this](const auto& one) { take(one); }, step);
      is_judged = std::holds_alternative<protocols::LoginTried>(step);
    }
    steps.clear();
    if (!is_judged) return;
    dialogue_->decide(verdict_of(decision_), steps);
  }
}

void Session::take(const protocols::Send& step) {
  if (step.to == Side::client) {
    has_said_ = true;
    bytes_out_ += step.bytes.size();
    host_.scratch().said.append(step.bytes);
  } else {
    bytes_in_ += step.bytes.size();
    host_.scratch().to_backend.append(step.bytes);
  }
}

void Session::take(const protocols::Shut& step) {
  (step.to == Side::backend ? shut_backend_ : shut_client_) = true;
}

void Session::take(const protocols::LoginTried& step) {
  login_tried_at_ = host_.clock().exact();
  decision_ = policy::judge_login(*service_->settings, question_about(step.login));
  if (decision_.verdict == policy::Verdict::refuse) {
    const bool is_exposed = step.secret_sent && security_ == policy::Security::cleartext;
    record_refused(step.login, is_exposed ? Exposure::secret : Exposure::none);
  }
}

policy::Question Session::question_about(const protocols::Login& login) const {
  policy::Question question;
  question.now = std::chrono::floor<std::chrono::seconds>(host_.clock().wall());
  question.client = {service_->index, source_.octets()};
  question.security = security_;
  if (engine_ != nullptr) question.tls_version = version_of(engine_->facts().version);
  question.name = login.user.empty() ? policy::Name::awaited : policy::Name::known;
  question.user = login.user;
  return question;
}

void Session::take(const protocols::LoginAnswered& step) {
  if (step.outcome == protocols::Outcome::success) has_settled_ = true;
  record_login(step.login, step.outcome);
}

void Session::take(const protocols::LoginRefused& step) {
  decision_ = policy::judge_login(*service_->settings, question_about(step.login));
  record_refused(step.login, step.exposed ? Exposure::secret : Exposure::none);
}

void Session::take(const protocols::ClientNamed& step) {
  client_name_ = step.name;
  client_named_by_ = step.by == protocols::NamedBy::ehlo ? "ehlo" : "imap_id";
}

void Session::take(const protocols::MailBegun&) { has_settled_ = true; }

void Session::take(const protocols::Alarm& step) {
  switch (step.kind) {
    case protocols::AlarmKind::response_injection:
      notice("response-injection", step.detail);
      break;
    case protocols::AlarmKind::smuggling:
      notice("smuggling", step.detail);
      break;
    case protocols::AlarmKind::hidden_verb:
    case protocols::AlarmKind::line_too_long:
      notice("limit", step.detail);
      break;
  }
}

void Session::take(const protocols::BeginTls&) {
  // The backend's clear session ends here; it may not say anything more.
  is_upgrading_ = true;
  link_.reset();
  backend_.reset();
}

void Session::take(const protocols::PassThrough&) { enter(Event::let_go); }

void Session::take(const protocols::End& step) {
  const auto reason = reason_of(step.cause, farewell_reason_);
  const bool is_expected = step.cause == protocols::Cause::client_quit || has_said_;
  end(client_ended_ && reason == EndReason::backend_closed ? EndReason::client_closed : reason,
      is_expected ? Manner::polite : Manner::cut);
}

void Session::enter(Event event) {
  const auto following = next(state_, event);
  assert(following);
  state_ = *following;
}

}  // namespace postern::session
