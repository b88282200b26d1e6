// From the settings' files of certificates and keys to the contexts that sessions take, at start and
// whenever the files have changed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/server/certificate_names.h"
#include "proxy/server/ticket_secrets.h"
#include "proxy/server/tls_files.h"
#include "proxy/session/tls_contexts.h"
#include "tls/credentials.h"

namespace postern::server {

// What a snapshot was made from.
struct TlsSources {
  std::vector<LoadedCertificate>
      certificates;              // in the order of the settings, without the bad ones
  std::vector<FileState> files;  // one for each of TlsLoader::files(), from before it was read
};

struct LoadedTls {
  session::TlsSnapshot snapshot;  // of no use where there are errors
  TlsSources sources;
  // Each with "file:line:column: ", all at once.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // an expired certificate, and the like
  std::vector<std::string> notes;     // what is odd, and does no harm
};

// Lives as long as the process: tickets outlive the certificates that their sessions began with.
class TlsLoader {
 public:
  explicit TlsLoader(std::shared_ptr<const conf::Settings> settings);

  // Reads all files anew (it blocks). Changes nothing.
  LoadedTls load() const;
  const std::vector<std::string>& files() const { return files_; }

 private:
  const std::shared_ptr<const conf::Settings> settings_;
  const std::vector<std::string> files_;
  const std::optional<unsigned> owner_;  // of key files, beside root and the process's own user
  const TicketSecrets tickets_;
};

}  // namespace postern::server
