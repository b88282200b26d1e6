// What is wrong with versions and profiles of TLS with clients.
#pragma once

#include <string>

#include "conf/draft.h"
#include "conf/findings.h"

namespace postern::conf {

// Of `tls` and of each listener.
void check_tls(const Draft& draft, Findings& findings);

// "min_version 1.3 from 2027-06-01 on", and that it raises nothing while `version` holds.
std::string rise_text(const DatedVersion& dated);
std::string raises_nothing_text(const DatedVersion& dated, TlsVersion version);

// A rule with `profile: legacy` serves what has no forward secrecy: to named networks alone. Versions
// below TLS 1.2 should be for such, too.
void check_island(const Rule& rule, const RulePlaces& places, Findings& findings);

}  // namespace postern::conf
