// The bounds of a session in time and memory, as the settings and session_advance.cc promise them,
// reckoned from outside. See world.h.
#include <fmt/format.h>

#include <algorithm>

#include "test/sim/memory.h"
#include "test/sim/world.h"

namespace postern::sim {

using session::State;
using namespace std::chrono_literals;

namespace {

// Timers go by whole milliseconds.
constexpr Moment kGrain = 1000;

// Once one side has ended; a farewell on its way, and the time to hear it.
constexpr Moment kClientEnded = micros(60s);
constexpr Moment kBackendEnded = micros(5s);
constexpr Moment kDeliver = micros(60s);
constexpr Moment kDrain = micros(2s);

// What may wait towards one side: the mark above which the other is not read, and all that one more
// read can come to (postern's own replies are longer than the shortest commands).
constexpr std::size_t kMostQueued = 128 * 1024 + 3 * 64 * 1024;
// Of the session in all: two such queues, what its dialogue keeps of each side while it grows, its
// TLS. Seldom reached; an idle session holds a hundredth.
constexpr std::size_t kMostMemory = 768 * 1024;

}  // namespace

// Nothing happens before `until`: no session may stay longer where it is.
void World::check_bounds(Moment until) {
  for (const auto& one : cases_) {
    if (one->session == nullptr || one->is_retired) continue;
    const auto most = longest(*one);
    if (until <= most + kGrain) continue;
    fail(one->plan.session,
         fmt::format(
             "held longer than it may be: in state {} since {:.3f} s, until {:.3f} s at most",
             static_cast<int>(one->state), static_cast<double>(one->entered) / 1e6,
             static_cast<double>(most) / 1e6));
  }
}

// The last moment of a session in its state, if nothing moves.
Moment World::longest(const Case& one) const {
  const auto& limits = one.plan.settings.limits;
  switch (one.state) {
    case State::accepted:
      return one.entered;
    case State::deciding:
      return one.entered + micros(one.plan.settings.listeners.front().auto_wait);
    case State::gate:
      return one.entered + micros(limits.login_timeout);
    case State::handshake:
      return one.entered + micros(limits.handshake_timeout);
    case State::dialling:
      return longest_before_login(one);
    case State::dialogue: {
      const auto idle = one.active + micros(limits.idle_timeout);
      if (one.has_settled) return idle;
      const bool may_have_mailed =
          std::any_of(one.backends.begin(), one.backends.end(), [](const auto& backend) {
            return backend.actor != nullptr &&
                   backend.actor->heard_in_clear().find("MAIL") != std::string::npos;
          });
      const auto before = longest_before_login(one);
      return may_have_mailed ? std::max(before, idle) : before;
    }
    case State::passthrough: {
      const auto idle = micros(limits.idle_timeout);
      if (one.backend_ended && one.connection->postern().queued() == 0) {
        return one.active + kBackendEnded;
      }
      const bool has_ended = one.client_ended || one.backend_ended;
      return one.active + (has_ended ? std::min(kClientEnded, idle) : idle);
    }
    case State::draining:
      if (one.connection->postern().queued() > 0) return one.entered + kDeliver;
      return std::max(one.entered, one.written) + kDrain;
    case State::splicing:  // no plan has legacy servers
    case State::closed:
      return one.entered;
  }
  __builtin_unreachable();
}

// While a backend is dialled, is to greet, or the client is to log in.
Moment World::longest_before_login(const Case& one) const {
  const auto connect = micros(one.service->backend.connect_timeout);
  const auto greeting = micros(one.service->backend.greeting_timeout);
  const auto login = micros(one.plan.settings.limits.login_timeout);
  const int session = one.plan.session;
  if (net_.open_dials(session) > 0) return one.dialled + connect;
  const bool has_backend = net_.open_streams(session) > 1;
  if (has_backend && one.heard == 0) return one.linked + greeting;
  if (has_backend && one.plan.servers == 1) return one.heard + login;
  // Its greeting may be held back until it is known, or there is none any more.
  return std::max({one.entered, one.dialled + connect, one.linked + greeting}) + login;
}

void World::check_memory(int session) {
  const auto queued = net_.queued(session);
  if (queued > 2 * kMostQueued) fail(session, fmt::format("{} octets are queued", queued));
  const auto octets = memory::held(session) + queued;
  tally_.most_memory = std::max(tally_.most_memory, octets);
  if (octets > kMostMemory) fail(session, fmt::format("it holds {} octets", octets));
}

}  // namespace postern::sim
