// See name_hash.h.
#include "proxy/commands/name_hash.h"

#include <fmt/format.h>

#include <filesystem>

#include "proxy/log.h"

namespace postern::commands {

std::variant<tls::KeyedHash, std::string> make_name_hash(const conf::Settings& settings) {
  const auto& audit = settings.audit;
  std::string why = "there is no inventory";
  if (!audit.inventory.empty()) {
    const auto path = std::filesystem::path(audit.inventory).replace_filename("name-hash.key");
    auto loaded = tls::KeyedHash::load_or_make(path.string());
    if (loaded) return *loaded;
    why = loaded.error().message;
    if (audit.inventory_place.line > 0) {
      return fmt::format("{}:{}:{}: {}", settings.file, audit.inventory_place.line,
                         audit.inventory_place.column, why);
    }
  }
  if (audit.usernames == conf::Usernames::hashed) {
    log::warn("names are hashed with a key that ends with this process: {}", why);
  }
  return tls::KeyedHash();
}

}  // namespace postern::commands
