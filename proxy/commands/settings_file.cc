// See settings_file.h.
#include "proxy/commands/settings_file.h"

#include "conf/load.h"

namespace postern::commands {

std::optional<Prepared> prepare(const std::string& path, std::ostream& messages) {
  auto loaded = conf::load_file(path);
  messages << conf::text_of(loaded.diagnostics);
  if (!loaded.settings) return std::nullopt;
  auto settings = std::make_shared<const conf::Settings>(std::move(*loaded.settings));
  auto services = server::make_services(settings);
  for (const auto& warning : services.warnings) messages << "warning: " << warning << "\n";
  for (const auto& error : services.errors) messages << error << "\n";
  if (!services.errors.empty()) return std::nullopt;
  return Prepared{std::move(settings), std::move(services)};
}

}  // namespace postern::commands
