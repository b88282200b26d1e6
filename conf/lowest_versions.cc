// See lowest_versions.h.
#include "conf/lowest_versions.h"

namespace postern::conf {

LowestVersions lowest_versions(const Listener& listener, const Rule* rule) {
  static const std::vector<DatedVersion> kNever;
  const auto& tls = listener.tls;
  if (rule == nullptr || !states_versions(*rule))
    return {tls.min_version, tls.min_version_place, tls.min_version_from};
  const auto& rising = rule->min_version_from ? *rule->min_version_from : kNever;
  if (!rule->min_version) return {tls.min_version, tls.min_version_place, rising};
  return {*rule->min_version, rule->min_version_place, rising};
}

bool states_versions(const Rule& rule) {
  return rule.min_version.has_value() || rule.min_version_from.has_value();
}

}  // namespace postern::conf
