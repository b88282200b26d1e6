// See version.h.
#include "proxy/commands/version.h"

#include <fmt/format.h>

#include "proxy/net/loop.h"
#include "tls/server_context.h"

namespace postern::commands {

std::string version() { return POSTERN_VERSION; }

std::string version_line() {
  return fmt::format("postern {} ({}, libuv {})", version(), tls::library_version(),
                     net::library_version());
}

}  // namespace postern::commands
