// See session.h. Here: what happened. Other parts of it:
//   session_steps.cc    what a gate or dialogue asks for
//   session_auto.cc     clear text or TLS, where one port takes both
//   session_tls.cc      the client's TLS
//   session_splice.cc   that of a client for which the backend's own is handed on; SSLv2's format
//   session_policy.cc   what the policy says
//   session_events.cc   what the audit is told
//   session_advance.cc  what is decided (reading, writing, time), and the end
#include "proxy/session/session.h"

#include <cassert>
#include <cstring>
#include <utility>

#include "protocols/greeting.h"
#include "proxy/session/first_bytes.h"

namespace postern::session {

using protocols::Farewell;
using protocols::Side;

Session::Session(Host& host, std::shared_ptr<const Service> service, const net::Address& source,
                 net::StreamPtr client, std::string id, const std::optional<Forwarded>& forwarded)
    : host_(host),
      service_(std::move(service)),
      id_(std::move(id)),
      source_(source),
      destination_(forwarded ? forwarded->destination : client->local()),
      forwarded_by_(forwarded ? std::optional(forwarded->balancer) : std::nullopt),
      accepted_at_(host.clock().exact()),
      timer_(host.timers(), *this),
      client_(std::move(client)),
      stage_began_(host.clock().now()),
      last_activity_(stage_began_) {
  client_->attach(*this);
}

void Session::begin() {
  admit();
  if (terms_.tls_mode == conf::TlsMode::implicit) {
    security_ = policy::Security::implicit;
    enter(Event::implicit);
    make_engine();
  } else if (terms_.recognises_tls && service_->listener().auto_wait > net::Instant::zero()) {
    enter(Event::undecided);
  } else {
    begin_in_clear();
  }
  advance();
}

// ---------------------------------------------------------------------------- what happened

void Session::on_read(net::Stream& stream, std::span<char> read) {
  const std::string_view bytes(read.data(), read.size());
  last_activity_ = host_.clock().now();
  // Until the login is through passwords pass here: in clear even where TLS was due or all is over.
  const bool is_ciphertext =
      engine_ != nullptr && engine_->state() == tls::Engine::State::open;  // else it may be no TLS
  const bool may_hold_password =
      &stream != backend_.get() && state_ != State::passthrough && !is_ciphertext;
  if (&stream == backend_.get()) {
    take_backend(bytes);
    // Then answer, close_notify and end leave in one segment.
    if (is_leaving_ && backend_ != nullptr && backend_->is_at_end()) take_backend_end();
  } else if (state_ == State::draining) {
    thrown_away_ += bytes.size();
  } else if (engine_ != nullptr) {
    take_ciphertext(bytes);
  } else {
    take_cleartext(bytes);
  }
  if (may_hold_password) explicit_bzero(read.data(), read.size());
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
  auto how = protocols::Ending::closed;
  if (const auto words = stream.why_refused(); !words.empty()) {
    how = protocols::Ending::not_secured;
    notice_backend_tls(words);
    backend::complain(service_->backend, server_->address,
                      {backend::TlsFailure::Kind::failed, std::string(words)}, host_.clock().now());
  }
  take_backend_loss(how);
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
  if (const auto& facts = link_->tls(); !facts.version.empty()) {
    server_tls_ = std::make_unique<audit::ServerTls>(
        audit::ServerTls{facts.version, facts.cipher, facts.resumed});
  }
  if (state_ == State::dialling || state_ == State::splicing) enter(Event::linked);
  stage_began_ = link_->waiting_since();
  if (state_ == State::passthrough) link_.reset();
  last_activity_ = host_.clock().now();
  advance();
}

void Session::on_tls_failed(const net::Address& server, const backend::TlsFailure& failure) {
  server_ = audit::Server{service_->backend.name, server, 0};
  server_tls_.reset();
  if (failure.kind == backend::TlsFailure::Kind::injection) {
    notice("response-injection", failure.words);
  } else {
    notice_backend_tls(failure.words);
  }
}

void Session::on_link_failed(net::Error last) {
  if (state_ == State::splicing) {
    end(last.is_exhaustion() ? EndReason::out_of_resources : EndReason::backend_unreachable,
        Manner::polite);
    return advance();
  }
  switch (link_->tls_failure()) {
    case backend::TlsFailure::Kind::none:
      give_up_backend(last.is_exhaustion() ? protocols::Ending::out_of_resources
                                           : protocols::Ending::unreachable);
      break;
    case backend::TlsFailure::Kind::refused:
      server_ = audit::Server{service_->backend.name, link_->server(), 0};
      server_tls_.reset();
      give_up_backend(protocols::Ending::refused);
      break;
    case backend::TlsFailure::Kind::failed:
      give_up_backend(protocols::Ending::not_secured);
      break;
    case backend::TlsFailure::Kind::injection:
      give_up_backend(protocols::Ending::injected);
      break;
  }
  advance();
}

void Session::on_turn() {
  take_ciphertext({});
  advance();
}

// -------------------------------------------------------------------------- the client's way

void Session::take_cleartext(std::string_view bytes) {
  if (may_begin_tls() && may_become_tls(bytes)) return begin_tls_at_once(bytes);
  if (state_ == State::deciding) begin_in_clear();
  const bool is_first = !std::exchange(has_heard_client_, true);
  // At once, or as some printers do, after an EHLO that offered no STARTTLS.
  const bool begins_line = std::exchange(ends_line_, bytes.ends_with('\n'));
  if (begins_line && !has_settled_ && looks_like_tls(bytes)) {
    notice("tls-on-clear-port", "a ClientHello came where clear text was expected");
    say_in_clear(Farewell::tls_on_clear_port);
    end(EndReason::tls_on_clear_port, Manner::polite);
    return;
  }
  if (is_first) name_unusual_port();
  take_plaintext(bytes);
}

void Session::take_plaintext(std::string_view bytes) {
  auto& scratch = host_.scratch();
  is_leaving_ = looks_like_farewell(bytes);
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
    case State::deciding:
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
  if (greeting_begin_ == nullptr) greeting_begin_ = std::make_unique<std::string>();
  greeting_begin_->append(bytes);
  switch (protocols::classify_greeting(service_->protocol, *greeting_begin_)) {
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
  greeting_begin_.reset();
  backend_.reset();
  is_backend_shut_ = false;  // the next one is still to be told
  link_->next();
  stage_began_ = host_.clock().now();
}

void Session::take_backend(std::string_view bytes) {
  auto& scratch = host_.scratch();
  if (state_ == State::passthrough) {
    passage_->passed(bytes);
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
    if (greeting_begin_ != nullptr) {
      begin = std::move(*greeting_begin_);
      greeting_begin_.reset();
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

void Session::take_backend_end(protocols::Ending how) {
  if (state_ == State::dialogue && !has_greeted_) {
    if (link_->has_next()) {
      dial_next_server();
    } else {
      give_up_backend(how);
    }
    return;
  }
  if (std::exchange(backend_ended_, true)) return;
  if (state_ == State::dialogue) {
    dialogue_->ended(Side::backend, how, host_.scratch().steps);
    run_steps();
  } else if (state_ == State::passthrough) {
    if (client_ended_) return;  // it ends when all is delivered
    if (passage_->backend_may_close()) {
      shut_client_ = true;
    } else {
      say_farewell(Farewell::backend_lost, EndReason::backend_closed);
    }
  }
}

// Its connection broke: nothing can be sent there any more, either.
void Session::take_backend_loss(protocols::Ending how) {
  if (state_ != State::passthrough) return take_backend_end(how);
  // Unless it had ended before, nobody knows whether more was to come: the client must see that it
  // was cut.
  if (backend_ended_ || passage_->backend_said_farewell()) {
    end(EndReason::backend_closed, Manner::polite);
  } else {
    end(EndReason::backend_reset, Manner::cut);
  }
}

// ------------------------------------------------------------------------------- the stages

void Session::make_dialogue(protocols::BackendGreeting greeting) {
  const bool is_clear = security_ == policy::Security::cleartext;
  protocols::Conditions conditions;
  conditions.transport = is_clear ? protocols::Transport::cleartext : protocols::Transport::tls;
  conditions.upgrade = is_clear && terms_.tls_mode == conf::TlsMode::optional
                           ? protocols::Upgrade::offered
                           : protocols::Upgrade::not_offered;
  conditions.cleartext_logins = offers_logins() ? protocols::CleartextLogins::offered
                                                : protocols::CleartextLogins::not_offered;
  conditions.greeting = greeting;
  conditions.bare_newlines = terms_.bare_newlines == conf::BareNewlines::reject
                                 ? protocols::BareNewlines::reject
                                 : protocols::BareNewlines::pass;
  // The audit may fail between a login's first word and its secret.
  conditions.judging = service_->settings->audit.on_failure == conf::OnFailure::refuse
                           ? protocols::Judging::each_piece
                           : protocols::Judging::as_known;
  dialogue_ = protocols::make_dialogue(service_->protocol, service_->options, conditions);
  has_greeted_ = has_settled_ = backend_ended_ = shut_backend_ = is_backend_shut_ = false;
  is_backend_clogged_ = false;
  server_.reset();
  server_tls_.reset();
}

void Session::start_dialogue(protocols::BackendGreeting greeting) {
  make_dialogue(greeting);
  backend::LinkUser& self = *this;
  link_ = std::make_unique<backend::Link>(host_.dialer(), host_.clock(), host_.timers(),
                                          service_->backend, self);
  link_->next();
}

void Session::enter(Event event) {
  const auto following = next(state_, event);
  assert(following);
  state_ = *following;
}

}  // namespace postern::session
