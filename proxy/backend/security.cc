// See security.h.
#include "proxy/backend/security.h"

#include <algorithm>
#include <utility>

namespace postern::backend {

bool Complaints::is_news(std::size_t server, std::string_view words, net::Instant now) const {
  const std::lock_guard lock(mutex_);
  if (said_.size() <= server) said_.resize(server + 1);
  auto& last = said_[server];
  if (last.words == words && now < last.at + kPause) return false;
  last.words = words;
  last.at = now;
  return true;
}

Security::Security(Upgrade upgrade, Contexts contexts, std::vector<std::size_t> servers)
    : upgrade_(upgrade),
      shows_certificate_(
          std::any_of(contexts.begin(), contexts.end(),
                      [](const auto& context) { return context->shows_certificate(); })),
      servers_(std::move(servers)),
      contexts_(std::move(contexts)) {}

std::shared_ptr<const tls::ClientContext> Security::context(std::size_t address) const {
  const std::lock_guard lock(mutex_);
  return contexts_[servers_[address]];
}

void Security::swap(Contexts contexts) {
  const std::lock_guard lock(mutex_);
  contexts_.swap(contexts);
}

}  // namespace postern::backend
