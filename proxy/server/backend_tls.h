// From a backend's settings to its TLS: CAs and postern's own certificate read, one context a server.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/backend/security.h"
#include "tls/trust.h"

namespace postern::server {

// Where the system keeps its CAs; SSL_CERT_FILE of the environment names another file, as for other
// programs.
std::string system_trust();

// Reads each file of CAs once, however many backends name it.
class BackendTls {
 public:
  // `servers`: for each address of the backend which of its servers it is of. Null where its TLS is
  // off, or where something is wrong: then `errors` has it, with "file:line:column: ".
  std::shared_ptr<const backend::Security> load(const conf::Settings& settings,
                                                const conf::Backend& backend,
                                                const std::vector<std::size_t>& servers,
                                                std::vector<std::string>& errors);

 private:
  tls::Result<std::shared_ptr<const tls::Trust>> trust_in(const std::string& path);

  std::vector<std::pair<std::string, tls::Result<std::shared_ptr<const tls::Trust>>>> trusts_;
};

}  // namespace postern::server
