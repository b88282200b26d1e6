// The certificates that are served, as `postern certificates list` tells of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/events.h"
#include "proxy/server/tls_loader.h"
#include "proxy/session/tls_contexts.h"

namespace postern::admin {

struct ListedCertificate {
  std::vector<std::string> names;  // of its subject where it has none
  std::string key;                 // "ECDSA P-256"
  std::string issuer;
  std::string serial;
  std::string file;
  audit::WallTime not_before;
  audit::WallTime not_after;
  audit::WallTime chain_end;           // the same, or an issuer's in the chain that comes before
  std::vector<std::string> listeners;  // that serve it
};

// In the order of the settings; the first is the default.
std::vector<ListedCertificate> list_of(const conf::Settings& settings,
                                       const std::vector<server::LoadedCertificate>& certificates,
                                       const session::TlsSnapshot& snapshot);

}  // namespace postern::admin
