// The rules: who owns them, until when, and whether anybody still needs them.
#pragma once

#include <cstddef>

#include "proxy/report/reader.h"

namespace postern::report {

// Every rule of `settings` with its use in the inventory; then rules that only the inventory knows.
// Without settings these alone.
Section exceptions(Reader& reader, const conf::Settings* settings, std::chrono::sys_days today,
                   std::size_t most);

}  // namespace postern::report
