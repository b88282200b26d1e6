// See link.h.
#include "proxy/backend/link.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace postern::backend {

namespace {

// Before the next try, where this machine lacks something.
constexpr net::Instant kPause{250};

}  // namespace

Link::Link(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
           const Backend& backend, LinkUser& user, std::string opening)
    : dialer_(dialer),
      clock_(clock),
      backend_(backend),
      user_(user),
      opening_(std::move(opening)),
      timer_(timers, *this) {}

void Link::next() {
  assert(has_next());
  ++next_;
  is_late_ = false;
  dialled_at_ = waiting_since_ = clock_.now();
  give_up_at_ = dialled_at_ + backend_.connect_timeout;
  dial();
}

void Link::dial() {
  timer_.arm(std::min(give_up_at_, dialled_at_ + backend_.greeting_timeout));
  dial_ = dialer_.dial(backend_.servers[next_ - 1], *this);
  if (!opening_.empty()) dial_->say(opening_);
}

void Link::on_dialled(net::StreamPtr stream) {
  timer_.disarm();
  dial_.reset();
  if (!is_late_) waiting_since_ = clock_.now();
  user_.on_linked(std::move(stream), backend_.servers[next_ - 1]);
}

void Link::on_dial_failed(net::Error error) {
  timer_.disarm();
  dial_.reset();
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
  if (dial_ == nullptr) return dial();
  is_late_ = true;
  if (dial_->hand_over()) return;  // this may be gone
  is_late_ = false;
  if (clock_.now() < give_up_at_) return timer_.arm(give_up_at_);
  on_dial_failed(net::Error{-ETIMEDOUT});
}

}  // namespace postern::backend
