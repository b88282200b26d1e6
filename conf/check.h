// Cross-references and contradictions: what is wrong between settings that are valid each by
// itself.
#pragma once

#include "conf/draft.h"
#include "conf/findings.h"

namespace postern::conf {

// Fills in the listeners' backends. What cannot work is an error; what can never act, or is likely
// a mistake, a warning. Parts of `draft` that were not valid are passed over in silence.
void check(Draft& draft, Findings& findings);

}  // namespace postern::conf
