// See known_greetings.h.
#include "proxy/backend/known_greetings.h"

#include <algorithm>

#include "protocols/greeting.h"

namespace postern::backend {

KnownGreetings::Known* KnownGreetings::find(const Backend& backend) {
  if (backend.servers.size() != 1) return nullptr;
  const auto found = std::ranges::find(all_, backend.servers.front(), &Known::server);
  return found == all_.end() ? nullptr : &*found;
}

std::shared_ptr<const std::string> KnownGreetings::of(const Backend& backend, net::Instant now) {
  const auto* const known = find(backend);
  if (known == nullptr || !known->last_at) return {};
  const bool is_fresh = now - *known->last_at <= kFresh;
  const bool is_steady = *known->last_at - known->first_at >= kSteady;
  return is_fresh && is_steady ? known->greeting : nullptr;
}

void KnownGreetings::learn(protocols::Protocol protocol, const Backend& backend,
                           std::string_view said, net::Instant now) {
  if (backend.servers.size() != 1) return;
  if (said.size() > kLongest || !protocols::is_one_line_welcome(protocol, said)) {
    return forget(backend);
  }
  auto* const known = find(backend);
  if (known != nullptr && *known->greeting == said) {
    known->last_at = now;
    return;
  }
  forget(backend);
  all_.push_back({backend.servers.front(), std::make_shared<const std::string>(said), now, now});
}

void KnownGreetings::doubt(const Backend& backend) {
  if (auto* const known = find(backend)) known->last_at.reset();
}

void KnownGreetings::forget(const Backend& backend) {
  if (backend.servers.size() != 1) return;
  std::erase_if(all_, [&](const Known& one) { return one.server == backend.servers.front(); });
}

}  // namespace postern::backend
