// From the settings' files of certificates and keys to the contexts that sessions take, at start and
// whenever the files have changed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/session/tls_contexts.h"
#include "tls/tickets.h"

namespace postern::server {

struct LoadedTls {
  session::TlsSnapshot snapshot;  // of no use where there are errors
  // Each with "file:line:column: ", all at once.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // an expired certificate, and the like
};

// Lives as long as the process: tickets outlive the certificates that their sessions began with.
class TlsLoader {
 public:
  explicit TlsLoader(std::shared_ptr<const conf::Settings> settings);

  // Reads all files anew (it blocks). Changes nothing.
  LoadedTls load() const;

 private:
  const std::shared_ptr<const conf::Settings> settings_;
  const std::shared_ptr<const tls::TicketKeys> ticket_keys_;
};

}  // namespace postern::server
