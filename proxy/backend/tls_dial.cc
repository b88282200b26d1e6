// See tls_dial.h.
#include "proxy/backend/tls_dial.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "proxy/backend/link.h"

namespace postern::backend {

namespace {

using Kind = TlsFailure::Kind;

constexpr std::string_view kHungUp = "it closed the connection in the TLS handshake";
constexpr std::size_t kMostShown = 200;  // octets of a greeting

// A line of the server's, for an administrator.
std::string printable(std::string_view line) {
  std::string text(protocols::without_newline(line).substr(0, kMostShown));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

TlsDial::TlsDial(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
                 const Backend& backend, std::size_t server, TlsDialUser& user)
    : clock_(clock),
      backend_(backend),
      user_(user),
      began_(clock.now()),
      waiting_since_(began_),
      engine_(std::make_unique<tls::ClientEngine>(backend.security->context(server))),
      timer_(timers, *this) {
  std::string opening;
  if (backend.security->upgrade() == Security::Upgrade::starttls) {
    upgrade_ = protocols::make_backend_upgrade(backend.protocol, backend.hostname);
    timer_.arm(began_ + std::min(backend.connect_timeout, backend.greeting_timeout));
  } else {
    engine_->start(opening);
    timer_.arm(began_ + backend.connect_timeout);
  }
  dial_ = dialer.dial(backend.servers[server], *this);
  if (!opening.empty()) dial_->say(opening);
}

// What it has said follows.
void TlsDial::on_dialled(net::StreamPtr stream) {
  dial_.reset();
  stream_ = std::move(stream);
  stream_->attach(*this);
  phase_ = upgrade_ != nullptr ? Phase::upgrade : Phase::handshake;
  timer_.arm(began_ + (upgrade_ != nullptr ? backend_.greeting_timeout : backend_.connect_timeout));
  stream_->start_reading();
  if (stream_->is_broken()) lose(kHungUp);
}

void TlsDial::on_dial_failed(net::Error error) {
  // It was there, but did not answer the ClientHello.
  if (upgrade_ == nullptr && error.code == -ECONNRESET) return fail(Kind::failed, kHungUp);
  timer_.disarm();
  dial_.reset();
  user_.on_not_connected(error);
}

void TlsDial::on_read(net::Stream&, std::span<char> bytes) {
  switch (phase_) {
    case Phase::upgrade:
      return take_upgrade({bytes.data(), bytes.size()});
    case Phase::handshake:
      return take_handshake({bytes.data(), bytes.size()});
    case Phase::greeting:
      return hand_over(bytes);
    case Phase::dialling:
      break;
  }
}

void TlsDial::take_upgrade(std::string_view bytes) {
  using State = protocols::BackendUpgrade::State;
  const bool had_greeted = upgrade_->state() != State::greeting;
  std::string commands;
  const auto state = upgrade_->feed(bytes, commands);
  if (state == State::failed) {
    return fail_upgrade();
  }
  // From its greeting on nothing is waited for but the network.
  if (!had_greeted && state != State::greeting) {
    timer_.arm(clock_.now() + backend_.connect_timeout);
  }
  if (state == State::upgraded) {
    phase_ = Phase::handshake;
    engine_->start(commands);
  }
  if (commands.empty()) return;
  stream_->write(commands);
  if (stream_->is_broken()) lose(kHungUp);
}

void TlsDial::fail_upgrade() {
  using Failure = protocols::UpgradeFailure;
  const auto why = upgrade_->failure();
  switch (why) {
    case Failure::refused:
      return fail(Kind::refused, printable(upgrade_->greeting()));
    case Failure::response_injection:
    case Failure::early_reply:
      return fail(Kind::injection, protocols::words_for(why));
    default:
      return fail(Kind::failed, protocols::words_for(why));
  }
}

void TlsDial::take_handshake(std::string_view bytes) {
  using State = tls::ClientEngine::State;
  tls::Octets plain;
  std::string answer;
  const auto state = engine_->receive(bytes, plain, answer);
  if (!answer.empty()) stream_->write(answer);
  if (state == State::failed) {
    const bool is_injection =
        upgrade_ != nullptr && engine_->failure() == tls::ClientFailure::not_tls;
    return is_injection
               ? fail(Kind::injection, words_for(protocols::UpgradeFailure::response_injection))
               : fail(Kind::failed, engine_->failure_text());
  }
  if (stream_->is_broken()) return lose(kHungUp);
  if (state != State::handshaking) secure({plain.data(), plain.size()});
}

void TlsDial::secure(std::span<char> plain) {
  secured_ = new TlsStream(std::move(stream_), std::move(engine_));
  held_.reset(secured_);
  secured_->attach(*this);
  waiting_since_ = clock_.now();
  if (!plain.empty()) secured_->has_heard();
  if (upgrade_ != nullptr) {
    auto greeting = upgrade_->greeting();
    greeting.append(plain.data(), plain.size());
    return hand_over(greeting);
  }
  if (!plain.empty()) return hand_over(plain);
  phase_ = Phase::greeting;
  timer_.arm(waiting_since_ + backend_.greeting_timeout);
}

// Behind on_secured() this object may be gone, and the stream, too.
void TlsDial::hand_over(std::span<char> bytes) {
  timer_.disarm();
  auto& stream = *secured_;
  const auto alive = stream.life();
  user_.on_secured(std::move(held_), stream.engine().facts(), waiting_since_);
  if (!alive.expired()) stream.pass_on(bytes);
}

// Under TLS it may still say why it does not like what it was shown; else its user sees the end.
void TlsDial::on_end(net::Stream&) {
  if (phase_ != Phase::greeting) return lose(kHungUp);
  hand_over({});
}

void TlsDial::on_broken(net::Stream&, net::Error) {
  if (phase_ == Phase::greeting && secured_->engine().state() == tls::ClientEngine::State::failed) {
    return fail(Kind::failed, secured_->engine().failure_text());
  }
  lose(phase_ == Phase::greeting ? "it closed the connection behind the TLS handshake" : kHungUp);
}

void TlsDial::on_timer() {
  switch (phase_) {
    case Phase::dialling:
      if (dial_->hand_over()) return;  // this may be gone
      if (clock_.now() < began_ + backend_.connect_timeout) {
        return timer_.arm(began_ + backend_.connect_timeout);
      }
      return on_dial_failed(net::Error{-ETIMEDOUT});
    case Phase::upgrade:
      return fail(Kind::failed, "it said nothing, or not enough, in time");
    case Phase::handshake:
      return fail(Kind::failed, "the TLS handshake did not end in time");
    case Phase::greeting:
      return hand_over({});
  }
}

void TlsDial::lose(std::string_view words) {
  if (phase_ == Phase::upgrade) {
    upgrade_->ended();
    words = protocols::words_for(upgrade_->failure());
  }
  fail(Kind::failed, words);
}

// This is gone afterwards.
void TlsDial::fail(TlsFailure::Kind kind, std::string_view words) {
  TlsFailure failure{kind, std::string(words)};
  timer_.disarm();
  stream_.reset();
  held_.reset();
  user_.on_not_secured(std::move(failure));
}

}  // namespace postern::backend
