// What `postern --version` says.
#pragma once

#include <string>

namespace postern::commands {

// "0.1.0"
std::string version();
// "postern 0.1.0 (BoringSSL API 17, libuv 1.44.2)"
std::string version_line();

}  // namespace postern::commands
