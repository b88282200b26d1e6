// Loading a settings file for a command, with its messages.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "conf/settings.h"
#include "proxy/server/services.h"

namespace postern::commands {

struct Prepared {
  std::shared_ptr<const conf::Settings> settings;
  server::Services services;
};

// Loads the file, its certificates and its backends' addresses. Says all errors and warnings on
// `messages`; none where there was an error.
std::optional<Prepared> prepare(const std::string& path, std::ostream& messages);

}  // namespace postern::commands
