// What a session decides after each callback: what is written, read and timed next; and its end.
#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/session/session.h"

namespace postern::session {

using protocols::Farewell;
using protocols::Side;

namespace {

// Octets queued towards one side above which the other is not read. A clogged session holds at
// most this, one read, and TLS's own overhead.
constexpr std::size_t kQueueHigh = 128 * 1024;

// After the farewell what the client still sends is thrown away, so that no reset destroys the
// farewell on its way; then the connection is closed all the same.
constexpr net::Instant kDrainTime{2000};
// Before that, how long a slow client may take for what was sent to it until the end.
constexpr net::Instant kDeliverTime{60'000};
constexpr std::size_t kDrainBytes = 1024 * 1024;

// One side has ended: how long the other may stand still. A client may have sent its last command
// and wait for a long answer; a backend that has ended wants nothing more, once all that
// it sent has left.
constexpr net::Instant kClientEndedTime{60'000};
constexpr net::Instant kBackendEndedTime{5'000};

bool is_clogged(const net::Stream& stream, bool was_clogged) {
  return stream.queued() > (was_clogged ? 0 : kQueueHigh);
}

}  // namespace

void Session::advance() {
  if (state_ == State::closed) return;
  if (shut_client_ && !is_client_shut_ && state_ == State::passthrough) {
    shut_client();
  } else {
    flush();
  }
  if (client_->is_broken()) {
    end(EndReason::client_reset, Manner::cut);
    close();
    return;
  }
  if (backend_ != nullptr && backend_->is_broken()) {
    take_backend_loss();
    flush();
  }
  if (is_upgrading_ && client_->queued() == 0 && state_ != State::draining) {
    auto rest = gate_ != nullptr ? gate_->take_rest() : dialogue_->take_rest();
    start_handshake(rest);
    explicit_bzero(rest.data(), rest.size());
    flush();
  }
  const bool are_both_ended = client_ended_ && backend_ended_;  // then closing serves
  if (shut_backend_ && !is_backend_shut_ && backend_ != nullptr && !are_both_ended) {
    is_backend_shut_ = true;
    backend_->shut_write();
  }
  if (state_ == State::passthrough && client_ended_ && backend_ended_ && client_->queued() == 0 &&
      backend_->queued() == 0) {
    end(shut_client_ ? EndReason::backend_closed : EndReason::client_closed, Manner::polite);
  }
  if (state_ == State::draining && client_->queued() == 0 &&
      (client_ended_ || thrown_away_ >= kDrainBytes)) {
    close();
    return;
  }
  set_reading();
  set_timer();
}

// All that one callback said leaves in one write a side.
void Session::flush() {
  seal();
  auto& to_client = host_.scratch().to_client;
  if (!to_client.empty()) {
    if (client_ != nullptr) client_->write(to_client);
    to_client.clear();
  }
  send();
}

void Session::seal() {
  auto& scratch = host_.scratch();
  if (scratch.said.empty()) return;
  if (engine_ != nullptr) {
    engine_->seal(scratch.said, scratch.to_client);
  } else {
    scratch.to_client.append(scratch.said);
  }
  scratch.said.clear();
}

// To the backend.
void Session::send() {
  auto& to_backend = host_.scratch().to_backend;
  if (to_backend.empty()) return;
  if (backend_ != nullptr) backend_->write(to_backend);
  // It may have held a password.
  explicit_bzero(to_backend.data(), to_backend.size());
  to_backend.clear();
}

// The backend has ended: so does what goes to the client, behind all that was said.
void Session::shut_client() {
  is_client_shut_ = true;
  seal();
  auto& last = host_.scratch().to_client;
  if (engine_ != nullptr) engine_->close(last);
  client_->write_last(last);
  last.clear();
  send();
}

void Session::set_reading() {
  is_client_clogged_ = is_clogged(*client_, is_client_clogged_);
  is_backend_clogged_ = backend_ != nullptr && is_clogged(*backend_, is_backend_clogged_);
  if (may_read_client()) {
    client_->start_reading();
  } else {
    client_->stop_reading();
  }
  if (backend_ == nullptr) return;
  if (may_read_backend()) {
    backend_->start_reading();
  } else {
    backend_->stop_reading();
  }
}

bool Session::may_read_client() const {
  if (client_ended_) return false;
  switch (state_) {
    case State::deciding:
      return true;
    case State::gate:
      return !is_upgrading_ && !is_client_clogged_;
    case State::handshake:
      return !is_client_clogged_ && !engine_->is_holding();
    case State::splicing:
      return false;  // what follows its hello waits for who is to answer that
    case State::dialling:
    case State::dialogue:
      // A client that sends but does not read would let its own replies pile up.
      return !is_upgrading_ && !is_client_clogged_ && !is_backend_clogged_ &&
             dialogue_->wants(Side::client);
    case State::passthrough:
      return !is_backend_clogged_;
    case State::draining:
      return thrown_away_ < kDrainBytes;
    case State::accepted:
    case State::closed:
      return false;
  }
  __builtin_unreachable();
}

bool Session::may_read_backend() const {
  if (backend_ended_ || is_client_clogged_) return false;
  return state_ == State::passthrough ||
         (state_ == State::dialogue && dialogue_->wants(Side::backend));
}

// The deadline moves with every byte, the timer does not: it is armed for a moment that is not
// later, and looks again then.
void Session::set_timer() {
  const auto when = deadline();
  if (!when) {
    timer_.disarm();
  } else if (!timer_.is_armed() || timer_.when() > *when) {
    timer_.arm(*when);
  }
}

std::optional<net::Instant> Session::deadline() const {
  const auto& limits = service_->settings->limits;
  switch (state_) {
    case State::deciding:
      return stage_began_ + service_->listener().auto_wait;
    case State::gate:
      return stage_began_ + limits.login_timeout;
    case State::handshake:
      return stage_began_ + limits.handshake_timeout;
    case State::splicing:
      return std::nullopt;  // the link has its own
    case State::dialling:
      if (!has_greeted_) return std::nullopt;  // likewise
      return stage_began_ + limits.login_timeout;
    case State::dialogue:
      if (!has_greeted_ && backend_ == nullptr && link_ != nullptr)
        return std::nullopt;  // likewise
      if (!has_greeted_) return stage_began_ + service_->backend.greeting_timeout;
      if (!has_settled_) return stage_began_ + limits.login_timeout;
      return last_activity_ + limits.idle_timeout;
    case State::passthrough:
      if (backend_ended_ && client_->queued() == 0) return last_activity_ + kBackendEndedTime;
      if (client_ended_ || backend_ended_) {
        return last_activity_ + std::min(kClientEndedTime, limits.idle_timeout);
      }
      return last_activity_ + limits.idle_timeout;
    case State::draining:
      return stage_began_ + (client_->queued() > 0 && !is_overdue_ ? kDeliverTime : kDrainTime);
    case State::accepted:
    case State::closed:
      return std::nullopt;
  }
  __builtin_unreachable();
}

void Session::on_timer() {
  const auto when = deadline();
  if (when && *when <= host_.clock().now()) {
    is_overdue_ = true;
    overdue();
    is_overdue_ = state_ == State::draining;
  }
  advance();
}

void Session::overdue() {
  switch (state_) {
    case State::deciding:
      begin_in_clear();
      break;
    case State::gate:
    case State::dialling:
      say_farewell(Farewell::login_timeout, EndReason::login_timeout);
      break;
    case State::handshake:
      if (!has_heard_client_ && (first_flight_ == nullptr || first_flight_->empty())) {
        // Perhaps a client that waits for a greeting in clear: tell it.
        engine_.reset();
        say_in_clear(Farewell::clear_on_tls_port);
      }
      end(EndReason::handshake_timeout, Manner::polite);
      break;
    case State::dialogue:
      if (!has_greeted_) {
        if (link_->has_next()) {
          dial_next_server();
        } else {
          give_up_backend(protocols::Ending::timed_out);
        }
      } else if (!has_settled_) {
        say_farewell(Farewell::login_timeout, EndReason::login_timeout);
      } else {
        say_farewell(Farewell::idle_timeout, EndReason::idle_timeout);
      }
      break;
    case State::passthrough:
      if (client_ended_ || backend_ended_) {
        end(EndReason::drain_timeout, Manner::cut);
      } else {
        say_farewell(Farewell::idle_timeout, EndReason::idle_timeout);
      }
      break;
    case State::draining:
      close();
      break;
    default:
      break;
  }
}

void Session::shut_down() {
  switch (state_) {
    case State::gate:
    case State::dialling:
    case State::dialogue:
    case State::passthrough:
      say_farewell(Farewell::shutting_down, EndReason::shutdown);
      break;
    case State::deciding:
    case State::handshake:
    case State::splicing:
      end(EndReason::shutdown, Manner::polite);
      break;
    default:
      break;
  }
  advance();
}

void Session::say_farewell(Farewell why, EndReason reason) {
  farewell_reason_ = reason;
  // Too late for words: behind the end, or behind the go-ahead, where only TLS may follow.
  if (is_client_shut_ || is_upgrading_) {
    end(reason, Manner::cut);
    return;
  }
  auto& steps = host_.scratch().steps;
  if (gate_ != nullptr) {
    gate_->farewell(why, steps);
  } else if (passage_ != nullptr) {
    passage_->farewell(why, steps);
  } else {
    dialogue_->farewell(why, steps);
  }
  run_steps();
}

void Session::say_in_clear(Farewell why) {
  const auto line = protocols::farewell_line(service_->protocol, why, service_->options);
  host_.scratch().to_client.assign(line);
  bytes_out_ += line.size();
}

void Session::end(EndReason reason, Manner manner) {
  if (state_ == State::draining || state_ == State::closed) return;
  seal();
  send();
  // Given up by the client, which may have disliked the certificate, or by its timer; not by one that
  // has said nothing at all, as probes do.
  const bool is_given_up = reason != EndReason::shutdown && reason != EndReason::handshake_failed;
  if (state_ == State::handshake && engine_ != nullptr && is_given_up && has_begun_tls() &&
      engine_->state() == tls::Engine::State::handshaking) {
    record_handshake_failed(name_of(reason));
  }
  record_end(reason);
  if (manner == Manner::polite && engine_ != nullptr && !is_client_shut_ &&
      (engine_->state() == tls::Engine::State::open ||
       engine_->state() == tls::Engine::State::ended)) {
    engine_->close(host_.scratch().to_client);
  }
  enter(Event::farewell);
  stage_began_ = host_.clock().now();
  is_upgrading_ = false;
  link_.reset();
  backend_.reset();
  gate_.reset();
  dialogue_.reset();
  passage_.reset();
  engine_.reset();
  first_flight_.reset();
  auto& last = host_.scratch().to_client;
  if (client_ended_) {
    // Closing serves for the end, but not before all has left.
    if (!last.empty()) client_->write(last);
    if (client_->queued() > 0) client_->shut_write();
  } else {
    client_->write_last(last);
  }
  last.clear();
}

void Session::close() {
  if (state_ == State::closed) return;
  enter(Event::gone);
  timer_.disarm();
  link_.reset();
  backend_.reset();
  client_.reset();
  host_.retire(*this);
}

}  // namespace postern::session
