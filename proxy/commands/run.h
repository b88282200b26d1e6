// `postern run`: the proxy itself.
#pragma once

#include <string>

namespace postern::commands {

// Serves until SIGTERM or SIGINT, then lets sessions finish for `shutdown_grace`, and ends the
// rest politely; a second signal ends at once. The exit status: 0, or 1 where it could not start.
int run(const std::string& settings_path);

}  // namespace postern::commands
