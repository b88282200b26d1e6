// See connection_limits.h.
#include "proxy/policy/connection_limits.h"

#include <string_view>

namespace postern::policy {

std::size_t ConnectionLimits::Hash::operator()(const Key& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.data()), key.size()});
}

ConnectionLimits::Answer ConnectionLimits::enter(const Key& address) {
  return enter_unknown() ? name(address) : Answer::too_many;
}

bool ConnectionLimits::enter_unknown() {
  if (count_.fetch_add(1) < most_) return true;
  count_.fetch_sub(1);
  return false;
}

ConnectionLimits::Answer ConnectionLimits::name(const Key& address) {
  auto& part = shard(address);
  const std::lock_guard lock(part.mutex);
  auto& count = part.counts[address];
  if (count >= most_per_address_) {
    count_.fetch_sub(1);
    return Answer::too_many_from_address;
  }
  ++count;
  return Answer::entered;
}

void ConnectionLimits::leave(const Key& address) {
  count_.fetch_sub(1);
  auto& part = shard(address);
  const std::lock_guard lock(part.mutex);
  const auto found = part.counts.find(address);
  if (found != part.counts.end() && --found->second == 0) part.counts.erase(found);
}

}  // namespace postern::policy
