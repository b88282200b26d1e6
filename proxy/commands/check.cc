// See check.h.
#include "proxy/commands/check.h"

#include <fmt/format.h>

#include <iostream>

#include "proxy/commands/settings_file.h"

namespace postern::commands {

int check(const std::string& settings_path) {
  const auto prepared = prepare(settings_path, std::cerr);
  if (!prepared) return 1;
  const auto& settings = prepared->settings;
  std::cout << fmt::format("{}: ok: {} listeners, {} backends, {} certificates\n", settings.file,
                           settings.listeners.size(), settings.backends.size(),
                           settings.certificates.size());
  return 0;
}

}  // namespace postern::commands
