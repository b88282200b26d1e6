// See known_greetings.h.
#include "proxy/backend/known_greetings.h"

#include <algorithm>

#include "protocols/greeting.h"

namespace postern::backend {

const KnownGreetings::Known* KnownGreetings::find(const Backend& backend) const {
  if (backend.servers.size() != 1) return nullptr;
  const auto found = std::ranges::find(all_, backend.servers.front(), &Known::server);
  return found == all_.end() ? nullptr : &*found;
}

std::shared_ptr<const std::string> KnownGreetings::of(const Backend& backend,
                                                      net::Instant now) const {
  const auto* const known = find(backend);
  if (known == nullptr || !known->confirmed_at || now - *known->confirmed_at > kFresh) return {};
  return known->greeting;
}

void KnownGreetings::learn(protocols::Protocol protocol, const Backend& backend,
                           std::string_view said, net::Instant now) {
  if (backend.servers.size() != 1) return;
  if (said.size() > kLongest || !protocols::is_one_line_welcome(protocol, said)) {
    return forget(backend);
  }
  const auto* const known = find(backend);
  if (known != nullptr && *known->greeting == said) {
    all_[static_cast<std::size_t>(known - all_.data())].confirmed_at = now;
    return;
  }
  forget(backend);
  all_.push_back({backend.servers.front(), std::make_shared<const std::string>(said), {}});
}

void KnownGreetings::forget(const Backend& backend) {
  if (backend.servers.size() != 1) return;
  std::erase_if(all_, [&](const Known& one) { return one.server == backend.servers.front(); });
}

}  // namespace postern::backend
