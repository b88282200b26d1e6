// The section `admin`.
#include "conf/admin_section.h"

#include <string>
#include <utility>

#include "conf/keys.h"
#include "conf/values.h"

namespace postern::conf {

void read_admin(const Value& value, const std::filesystem::path& folder, Admin& admin) {
  const auto fields = value.fields("a mapping of admin settings", kAdminKeys);
  if (!fields) return;
  const auto socket = fields->find("socket");
  if (!socket) return;
  const auto path = socket->parsed<std::string>([](std::string_view text) {
    return text.empty() ? Parsed<std::string>{std::string(), ""} : parse_path(text);
  });
  if (!path) return;
  auto whole = path->empty() ? std::string() : (folder / *path).string();
  if (whole.size() > kLongestSocketPath) {
    return socket->error("`" + whole + "` is too long; expected a path of at most " +
                         std::to_string(kLongestSocketPath) + " octets");
  }
  admin.socket = std::move(whole);
  admin.socket_place = socket->place();
}

}  // namespace postern::conf
