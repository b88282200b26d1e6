// What each listener serves in TLS, as `postern check -v` shows it.
#pragma once

#include <string>

#include "conf/settings.h"
#include "proxy/session/tls_contexts.h"

namespace postern::commands {

// One line a listener, one for each rule that grants something else there, and then the suites and
// groups of what these name. `snapshot` is what was made of the settings.
std::string tls_summary(const conf::Settings& settings, const session::TlsSnapshot& snapshot);

}  // namespace postern::commands
