// See backends_section.h.
#include "conf/backends_section.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "conf/backend_tls_section.h"
#include "conf/keys.h"
#include "conf/source.h"
#include "conf/values.h"

namespace postern::conf {
namespace {

using std::chrono::milliseconds;

enum class Balance { first };
constexpr Choice<Balance> kBalances[] = {
    {"first", Balance::first}, {"round_robin", {}}, {"least_connections", {}}, {"client_ip", {}}};

constexpr std::string_view kServersExpected = "a list of servers, such as [\"192.0.2.10:25\"]";

// A backend that is not valid keeps its name, so that listeners may refer to it without another
// error.
void read_backend(const Value& value, const Entry& entry, const std::filesystem::path& folder,
                  Draft& draft, Findings& findings) {
  Backend backend;
  BackendPlaces places;
  backend.place = places.name = entry.place;
  backend.name = entry.key;
  if (const auto name = parse_name(entry.key); !name.value)
    findings.error(entry.place,
                   "backend " + shown(entry.key) + ": expected a name of " + name.expected);
  if (const auto fields = value.fields("a mapping with servers", kBackendKeys)) {
    if (const auto servers = fields->need("servers", kServersExpected)) {
      for (const auto& server : servers->items(kServersExpected, kMostServers)) {
        const auto endpoint = server.parsed<Endpoint>(parse_server);
        if (!endpoint) continue;
        backend.servers.push_back(*endpoint);
        places.servers.push_back(server.place());
      }
    }
    Balance balance{};
    fields->choose("balance", kBalances, balance);
    fields->read("connect_timeout", time_from(milliseconds(1)), backend.connect_timeout);
    fields->read("greeting_timeout", time_from(milliseconds(1)), backend.greeting_timeout);
    read_backend_tls(*fields, folder, backend, findings);
  }
  draft.settings.backends.push_back(std::move(backend));
  draft.backends.push_back(std::move(places));
}

}  // namespace

void read_backends(const Value& value, const std::filesystem::path& folder, Draft& draft,
                   Findings& findings) {
  for (const auto& [backend, entry] : value.entries(kBackendsExpected, kMostBackends))
    read_backend(backend, *entry, folder, draft, findings);
}

}  // namespace postern::conf
