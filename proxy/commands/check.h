// `postern check`: whether a settings file would start.
#pragma once

#include <string>

namespace postern::commands {

// Loads everything, certificates and keys too; binds nothing. Exit status 0 or 1.
int check(const std::string& settings_path);

}  // namespace postern::commands
