// See check_clients.h.
#include "conf/check_clients.h"

#include <string>
#include <string_view>

namespace postern::conf {
namespace {

bool asks(const Tls& tls) { return tls.client_certificates != ClientCertificates::none; }

// Said once for the top level, whose key any number of listeners may have.
void check_authorities(const Draft& draft, Findings& findings) {
  const auto miss = [&](Place place) {
    findings.error(
        place,
        "client_certificates without client_ca; expected the path of a PEM file with the "
        "authorities that sign them");
  };
  bool is_top_said = !draft.tls.are_clients_whole;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const auto& tls = draft.settings.listeners[i].tls;
    const auto& places = draft.listeners[i].tls;
    if (!asks(tls) || !tls.client_ca.empty() || !places.are_clients_whole) continue;
    if (is_stated(places.client_certificates)) {
      miss(places.client_certificates);
    } else if (is_stated(places.client_ca)) {
      miss(places.client_ca);  // an empty one
    } else if (!is_top_said) {
      is_top_said = true;
      miss(draft.tls.client_certificates);
    }
  }
}

void check_idle(const Tls& tls, const TlsPlaces& places, Findings& findings) {
  const auto warn = [&](const std::string& path, Place place, std::string_view key) {
    if (is_stated(place) && !path.empty())
      findings.warning(place, std::string(key) +
                                  " never acts without client_certificates request or "
                                  "require");
  };
  warn(tls.client_ca, places.client_ca, "client_ca");
  warn(tls.client_crl, places.client_crl, "client_crl");
}

}  // namespace

void check_clients(const Draft& draft, Findings& findings) {
  check_authorities(draft, findings);
  const auto& listeners = draft.settings.listeners;
  bool is_top_used = listeners.empty() || !draft.tls.are_clients_whole;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const auto& places = draft.listeners[i].tls;
    if (asks(listeners[i].tls) || !places.are_clients_whole)
      is_top_used = true;
    else if (draft.tls.are_clients_whole)
      check_idle(listeners[i].tls, places, findings);
  }
  if (!is_top_used) check_idle(draft.settings.tls, draft.tls, findings);
}

}  // namespace postern::conf
