// Rules that can never match.
#include "conf/shadows.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "conf/prefixes.h"

namespace postern::conf {
namespace {

bool comes_before(const Prefix& a, const Prefix& b) {
  return std::tuple(is_ipv4(a), a.address, a.length) < std::tuple(is_ipv4(b), b.address, b.length);
}

template <class T>
void sort_once(std::vector<T>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

// Whom a rule is for, sorted, so that two of them are compared in the time of reading one: a file
// may have a thousand rules with all their networks.
struct Scope {
  std::vector<Prefix> from;  // none inside another
  std::vector<std::size_t> listeners;
  std::vector<std::string> users;

  explicit Scope(const Rule& rule) : listeners(rule.listeners), users(rule.users) {
    auto prefixes = rule.from;
    std::sort(prefixes.begin(), prefixes.end(), comes_before);
    for (const auto& prefix : prefixes)
      if (from.empty() || !covers(from.back(), prefix)) from.push_back(prefix);
    sort_once(listeners);
    sort_once(users);
  }

  bool has_network(const Prefix& prefix) const {
    const auto next = std::upper_bound(from.begin(), from.end(), prefix, comes_before);
    return next != from.begin() && covers(*(next - 1), prefix);
  }
};

// Whether all of `inner` is in `outer`, where an empty list stands for everything.
template <class T>
bool includes(const std::vector<T>& outer, const std::vector<T>& inner) {
  if (outer.empty()) return true;
  return !inner.empty() && std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

bool takes_networks(const Scope& outer, const Scope& inner) {
  if (outer.from.empty()) return true;
  return !inner.from.empty() &&
         std::all_of(inner.from.begin(), inner.from.end(),
                     [&](const Prefix& prefix) { return outer.has_network(prefix); });
}

bool takes_users(const Scope& outer, const Scope& inner) {
  // `*` is any name, but no name at all is none of them.
  const bool is_any = std::binary_search(outer.users.begin(), outer.users.end(), "*");
  return (is_any && !inner.users.empty()) || includes(outer.users, inner.users);
}

bool outlives(const Rule& outer, const Rule& inner) {
  return !outer.until || (inner.until && *inner.until <= *outer.until);
}

}  // namespace

std::vector<Shadow> shadows(const Draft& draft) {
  const auto& rules = draft.settings.rules;
  std::vector<Scope> scopes;
  scopes.reserve(rules.size());
  for (const auto& rule : rules) scopes.emplace_back(rule);
  std::vector<Shadow> found;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!draft.rules[i].is_whole) continue;
    for (std::size_t by = 0; by < i; ++by) {
      if (!draft.rules[by].is_whole || !outlives(rules[by], rules[i])) continue;
      if (!includes(scopes[by].listeners, scopes[i].listeners)) continue;
      if (!takes_users(scopes[by], scopes[i]) || !takes_networks(scopes[by], scopes[i])) continue;
      found.push_back({i, by});
      break;
    }
  }
  return found;
}

}  // namespace postern::conf
