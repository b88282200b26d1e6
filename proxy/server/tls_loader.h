// From the settings' files of certificates, keys and secrets to the contexts that sessions take, at
// start and whenever the files have changed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/backend/security.h"
#include "proxy/server/certificate_names.h"
#include "proxy/server/ticket_secrets.h"
#include "proxy/server/tls_files.h"
#include "proxy/session/tls_contexts.h"
#include "tls/credentials.h"

namespace postern::server {

// What is served, and what it was made from.
struct TlsSources {
  std::vector<LoadedCertificate>
      certificates;              // in the order of the settings, without the bad ones
  std::vector<FileState> files;  // one for each of TlsLoader::files(), from before it was read
  std::shared_ptr<const TicketSecrets> tickets;       // null: nothing was loaded so far
  std::vector<backend::Security::Contexts> backends;  // of each; empty where it has no TLS
};

struct LoadedTls {
  session::TlsSnapshot snapshot;  // of no use where there are errors
  TlsSources sources;
  // Each with "file:line:column: ", all at once.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // an expired certificate, and the like
  std::vector<std::string> notes;     // what is odd, and does no harm
};

class TlsLoader {
 public:
  explicit TlsLoader(std::shared_ptr<const conf::Settings> settings);

  // Reads all files anew (it blocks). Changes nothing. `served`: of the last time. Of it goes on what is
  // random, and what only root could read at the start and has not changed since.
  LoadedTls load(const TlsSources& served = {}) const;
  const std::vector<std::string>& files() const { return files_; }

 private:
  const std::shared_ptr<const conf::Settings> settings_;
  const std::vector<std::string> files_;
  const std::optional<unsigned> owner_;  // of key files, beside root and the process's own user
};

}  // namespace postern::server
