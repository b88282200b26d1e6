// What is wrong with what is asked of clients' certificates.
#pragma once

#include "conf/draft.h"
#include "conf/findings.h"

namespace postern::conf {

// Certificates that nobody could have signed, and authorities that are never asked.
void check_clients(const Draft& draft, Findings& findings);

}  // namespace postern::conf
