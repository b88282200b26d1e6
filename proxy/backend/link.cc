// See link.h.
#include "proxy/backend/link.h"

#include <cassert>
#include <cerrno>
#include <utility>

namespace postern::backend {

Link::Link(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
           const Backend& backend, LinkUser& user)
    : dialer_(dialer), clock_(clock), backend_(backend), user_(user), timer_(timers, *this) {}

void Link::next() {
  assert(has_next());
  timer_.arm(clock_.now() + backend_.connect_timeout);
  dial_ = dialer_.dial(backend_.servers[next_++], *this);
}

void Link::on_dialled(net::StreamPtr stream) {
  timer_.disarm();
  dial_.reset();
  user_.on_linked(std::move(stream), backend_.servers[next_ - 1]);
}

void Link::on_dial_failed(net::Error error) {
  timer_.disarm();
  dial_.reset();
  if (has_next()) {
    next();
  } else {
    user_.on_link_failed(error);
  }
}

void Link::on_timer() { on_dial_failed(net::Error{-ETIMEDOUT}); }

}  // namespace postern::backend
