// See audit_files.h.
#include "proxy/commands/audit_files.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/commands/version.h"
#include "proxy/log.h"

namespace postern::commands {

using audit::inventory::Inventory;

std::variant<Audit, std::string> open_audit(const conf::Settings& settings) {
  const auto& wanted = settings.audit;
  Audit audit;
  if (!wanted.inventory.empty()) {
    auto opened = Inventory::open({wanted.inventory, settings.hostname, wanted.keep});
    if (auto* inventory = std::get_if<std::unique_ptr<Inventory>>(&opened)) {
      audit.inventory = std::move(*inventory);
    } else {
      const auto& error = std::get<std::string>(opened);
      const auto& place = wanted.inventory_place;
      if (place.line > 0) {
        return fmt::format("{}:{}:{}: audit.inventory: {}", settings.file, place.line, place.column,
                           error);
      }
      log::warn("there is no login inventory: {} (set audit.inventory: sqlite:FILE, or none)",
                error);
    }
  }
  audit::LogOptions options;
  options.inventory = audit.inventory.get();
  options.observer = {settings.hostname, version()};
  options.chain = wanted.chain;
  options.on_failure = wanted.on_failure;
  auto opened = audit::Log::open(wanted.logs, std::move(options));
  if (const auto* error = std::get_if<std::string>(&opened)) {
    return settings.file + ":" + *error;
  }
  audit.log = std::move(std::get<std::unique_ptr<audit::Log>>(opened));
  return audit;
}

}  // namespace postern::commands
