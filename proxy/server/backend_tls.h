// From a backend's settings to its TLS: CAs and postern's own certificate read, one context a server.
// At start, and whenever the files have changed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/backend/security.h"
#include "tls/trust.h"

namespace postern::server {

// Reads each file of CAs once, however many backends name it.
class BackendTls {
 public:
  // It blocks. `owner`: whom key files may belong to, too. Empty where its TLS is off, or where
  // something is wrong: then `errors` has it, with "file:line:column: ".
  backend::Security::Contexts load(const conf::Settings& settings, const conf::Backend& backend,
                                   std::optional<unsigned> owner, std::vector<std::string>& errors);

 private:
  tls::Result<std::shared_ptr<const tls::Trust>> trust_in(const std::string& path);

  std::vector<std::pair<std::string, tls::Result<std::shared_ptr<const tls::Trust>>>> trusts_;
};

}  // namespace postern::server
