// The names of all certificates together: what one of them says another one says already, and whether
// they are for this server.
#pragma once

#include <string>
#include <vector>

#include "conf/settings.h"
#include "tls/credentials.h"

namespace postern::server {

// A certificate of the settings as it was loaded.
struct LoadedCertificate {
  const conf::Certificate* setting = nullptr;  // of the settings that the loader keeps
  std::shared_ptr<const tls::Credentials> credentials;
};

// A warning, with "file:line:column: ", for each certificate that is never served under names of its
// own, since one before it has them and the same kind of key; and one where the settings state a
// `hostname` that none of them is for.
std::vector<std::string> name_warnings(const conf::Settings& settings,
                                       const std::vector<LoadedCertificate>& certificates);

}  // namespace postern::server
