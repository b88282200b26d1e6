// See certificate_list.h.
#include "proxy/admin/certificate_list.h"

#include "tls/leaf.h"

namespace postern::admin {

std::vector<ListedCertificate> list_of(const conf::Settings& settings,
                                       const std::vector<server::LoadedCertificate>& certificates,
                                       const session::TlsSnapshot& snapshot) {
  // Each listener with TLS serves all of them, by the name that its client asks for.
  std::vector<std::string> listeners;
  for (std::size_t i = 0; i < snapshot.size() && i < settings.listeners.size(); ++i) {
    if (!snapshot[i].empty()) listeners.push_back(settings.listeners[i].name);
  }
  std::vector<ListedCertificate> list;
  for (const auto& [setting, credentials] : certificates) {
    auto facts = tls::facts_of(*credentials);
    ListedCertificate one;
    one.names = credentials->names();
    if (one.names.empty()) one.names.push_back(credentials->subject());
    one.key = std::move(facts.key_kind);
    one.issuer = std::move(facts.issuer);
    one.serial = std::move(facts.serial);
    one.file = setting->chain;
    one.not_before = credentials->not_before();
    one.not_after = credentials->not_after();
    const auto issuer = credentials->issuer_end();
    one.chain_end = issuer ? issuer->at : one.not_after;
    one.listeners = listeners;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace postern::admin
