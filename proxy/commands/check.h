// `postern check`: whether a settings file would start, and what its backends say.
#pragma once

#include <string>

namespace postern::commands {

struct CheckRequest {
  std::string settings_path;
  bool connect = false;  // also dial each backend
  bool verbose = false;  // also say what TLS is served
};

// Loads everything, certificates and keys too; binds nothing. The exit status: 0, or 1 where the
// settings have errors or a backend could not be reached.
int check(const CheckRequest& request);

}  // namespace postern::commands
