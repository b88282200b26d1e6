// See first_bytes_section.h.
#include "conf/first_bytes_section.h"

#include <chrono>
#include <string>
#include <string_view>

#include "conf/backends_section.h"
#include "conf/keys.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

using std::chrono::milliseconds;

// Each greeting in clear waits as long.
constexpr milliseconds kLongestWait{10'000};

constexpr std::string_view kLegacyServersExpected =
    "a list of the old servers' own TLS ports, such as [\"192.0.2.10:993\"]";

void check_splice(const Listener& listener, const ListenerPlaces& places, Findings& findings) {
  if (listener.legacy_tls != LegacyTls::splice) {
    if (is_stated(places.legacy_servers_key))
      findings.error(places.legacy_servers_key,
                     "legacy_servers without `legacy_tls: splice`; expected both or none");
    return;
  }
  if (listener.tls_mode != TlsMode::implicit)
    findings.error(places.legacy_tls,
                   "`legacy_tls: splice` with `tls: " + std::string(word(listener.tls_mode)) +
                       "`; expected it with `implicit`, where TLS comes first");
  if (!is_stated(places.legacy_servers_key))
    findings.error(places.legacy_tls,
                   "`legacy_tls: splice` without legacy_servers; expected the old servers' own TLS "
                   "ports");
  if (listener.tls.client_certificates == ClientCertificates::require)
    findings.error(
        places.legacy_tls,
        "`legacy_tls: splice` with `client_certificates: require`; expected one of both: "
        "what is handed on shows no certificate here");
  if (listener.tls.old_tls == OldTls::explain)
    findings.warning(places.legacy_tls,
                     "`old_tls: explain` never acts with `legacy_tls: splice`: who is too old is "
                     "handed on");
}

}  // namespace

void read_first_bytes(const Fields& fields, Listener& listener, ListenerPlaces& places) {
  places.auto_wait = fields.read(
      "auto_wait",
      [](std::string_view text) { return parse_time(text, milliseconds(0), kLongestWait); },
      listener.auto_wait);
  places.legacy_tls = fields.choose("legacy_tls", kLegacyTls, listener.legacy_tls);
  if (const auto servers = fields.find("legacy_servers")) {
    places.legacy_servers_key = servers->place();
    for (const auto& server : servers->items(kLegacyServersExpected, kMostServers)) {
      const auto endpoint = server.parsed<Endpoint>(parse_server);
      if (!endpoint) continue;
      listener.legacy_servers.push_back(*endpoint);
      places.legacy_servers.push_back(server.place());
    }
  }
}

void check_first_bytes(const Draft& draft, std::size_t listener, Findings& findings) {
  const TlsMode mode = draft.settings.listeners[listener].tls_mode;
  const ListenerPlaces& places = draft.listeners[listener];
  if (!is_stated(places.tls_mode)) return;
  if (is_stated(places.auto_wait) && mode != TlsMode::automatic)
    findings.warning(places.auto_wait, "auto_wait never acts with `tls: " +
                                           std::string(word(mode)) + "`; expected it with `auto`");
  check_splice(draft.settings.listeners[listener], places, findings);
}

}  // namespace postern::conf
