// The lowest versions of TLS that a rule's clients may use on a listener, now and from days on.
#pragma once

#include "conf/settings.h"

namespace postern::conf {

// The parts lie in the settings, or are their defaults.
struct LowestVersions {
  TlsVersion version{};
  Place place;                              // of the key that gave it; line 0: the default
  const std::vector<DatedVersion>& rising;  // the earliest first; some may raise nothing
};

// What the rule states takes the place of the listener's; a min_version alone is not raised by the
// listener's days. `rule` is null where none matched.
LowestVersions lowest_versions(const Listener& listener, const Rule* rule);

// Whether the rule has a say in it.
bool states_versions(const Rule& rule);

}  // namespace postern::conf
