// From settings to what workers serve: TLS loaded (tls_loader.h), host names resolved.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/backend/security.h"
#include "proxy/server/tls_loader.h"
#include "proxy/session/service.h"

namespace postern::server {

struct Services {
  // One for each listener of the settings, in their order.
  std::vector<std::shared_ptr<const session::Service>> list;
  // What is wrong, each with "file:line:column: ", all at once; the list is of no use then.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // an expired certificate, and the like
  std::vector<std::string> notes;     // what is odd, and does no harm
  // What clients' handshakes take, and for each backend what those towards it do; null: it has no TLS.
  std::shared_ptr<session::CurrentTls> tls;
  std::vector<std::shared_ptr<backend::Security>> backend_tls;
  std::unique_ptr<TlsLoader> tls_loader;  // never null
  TlsSources tls_sources;                 // of what both began with

  // What handshakes take from now on: both as a whole. While the workers serve, too.
  void serve(session::TlsSnapshot snapshot, const TlsSources& sources);
};

// Reads certificates and keys and looks names up (it may block). Binds and changes nothing.
Services make_services(std::shared_ptr<const conf::Settings> settings);

}  // namespace postern::server
