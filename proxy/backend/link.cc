// See link.h.
#include "proxy/backend/link.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "proxy/log.h"

namespace postern::backend {

namespace {

// Before the next try, where this machine lacks something.
constexpr net::Instant kPause{250};

}  // namespace

void complain(const Backend& backend, const net::Address& server, const TlsFailure& failure,
              net::Instant now) {
  const auto found = std::find(backend.servers.begin(), backend.servers.end(), server);
  const auto index = static_cast<std::size_t>(found - backend.servers.begin());
  if (!backend.security->complaints().is_news(index, failure.words, now)) return;
  if (failure.kind == TlsFailure::Kind::refused) {
    log::warn("backend {}: {} refuses: {}", backend.name, server.text(), failure.words);
  } else {
    log::warn("backend {}: no TLS with {}: {}", backend.name, server.text(), failure.words);
  }
}

Link::Link(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
           const Backend& backend, LinkUser& user, std::string opening)
    : dialer_(dialer),
      clock_(clock),
      timers_(timers),
      backend_(backend),
      user_(user),
      opening_(std::move(opening)),
      timer_(timers, *this) {}

void Link::next() {
  assert(has_next());
  timer_.disarm();
  ++next_;
  is_late_ = false;
  tls_failure_ = TlsFailure::Kind::none;
  dialled_at_ = waiting_since_ = clock_.now();
  give_up_at_ = dialled_at_ + backend_.connect_timeout;
  dial();
}

void Link::dial() {
  if (backend_.security != nullptr) {  // which has its own time limits
    TlsDialUser& self = *this;
    tls_dial_ = std::make_unique<TlsDial>(dialer_, clock_, timers_, backend_, next_ - 1, self);
    return;
  }
  timer_.arm(std::min(give_up_at_, dialled_at_ + backend_.greeting_timeout));
  dial_ = dialer_.dial(server(), *this);
  if (!opening_.empty()) dial_->say(opening_);
}

void Link::on_dialled(net::StreamPtr stream) {
  timer_.disarm();
  dial_.reset();
  if (!is_late_) waiting_since_ = clock_.now();
  user_.on_linked(std::move(stream), server());
}

void Link::on_dial_failed(net::Error error) {
  timer_.disarm();
  dial_.reset();
  tls_dial_.reset();
  if (error.is_exhaustion() && clock_.now() + kPause < give_up_at_) {
    timer_.arm(clock_.now() + kPause);
    return;
  }
  if (has_next() && !error.is_exhaustion()) {
    next();
  } else {
    user_.on_link_failed(error);
  }
}

void Link::on_timer() {
  if (dial_ == nullptr) return dial();  // the pause is over
  // Who was sent an opening and does not answer it is not there: the next one is asked.
  is_late_ = opening_.empty();
  if (is_late_ && dial_->hand_over()) return;  // this may be gone
  is_late_ = false;
  if (clock_.now() < give_up_at_) return timer_.arm(give_up_at_);
  on_dial_failed(net::Error{-ETIMEDOUT});
}

void Link::on_secured(net::StreamPtr stream, const tls::ClientFacts& facts, net::Instant since) {
  tls_ = facts;
  waiting_since_ = since;
  tls_dial_.reset();
  user_.on_linked(std::move(stream), server());
}

void Link::on_not_secured(TlsFailure failure) {
  tls_dial_.reset();
  complain(backend_, server(), failure, clock_.now());
  if (failure.kind != TlsFailure::Kind::refused) user_.on_tls_failed(server(), failure);
  // Whoever sits on the way to one server is not to choose the next.
  if (has_next() && failure.kind != TlsFailure::Kind::injection) return next();
  tls_failure_ = failure.kind;
  user_.on_link_failed(net::Error{-EPROTO});
}

}  // namespace postern::backend
