// What is wrong with versions and profiles of TLS with clients.
#pragma once

#include "conf/draft.h"
#include "conf/findings.h"

namespace postern::conf {

// Of `tls` and of each listener.
void check_tls(const Draft& draft, Findings& findings);

// A rule with `profile: legacy` serves what has no forward secrecy: to named networks alone.
void check_island(const Rule& rule, const RulePlaces& places, Findings& findings);

}  // namespace postern::conf
