// See security.h.
#include "proxy/backend/security.h"

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

}  // namespace postern::backend
