// What is wrong between the rules, and between them and the listeners.
#pragma once

#include "conf/draft.h"
#include "conf/findings.h"

namespace postern::conf {

// Fills in the rules' listeners. Rules are looked at as they stand: an end in the past is no
// mistake.
void check_rules(Draft& draft, Findings& findings);

}  // namespace postern::conf
