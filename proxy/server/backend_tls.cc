// See backend_tls.h.
#include "proxy/server/backend_tls.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/net/clock.h"
#include "proxy/server/certificate_files.h"
#include "proxy/server/tls_files.h"
#include "tls/client_context.h"
#include "tls/credentials.h"

namespace postern::server {

tls::Result<std::shared_ptr<const tls::Trust>> BackendTls::trust_in(const std::string& path) {
  for (const auto& [read, trust] : trusts_) {
    if (read == path) return trust;
  }
  return trusts_.emplace_back(path, tls::Trust::load(path)).second;
}

backend::Security::Contexts BackendTls::load(const conf::Settings& settings,
                                             const conf::Backend& backend,
                                             std::optional<unsigned> owner,
                                             std::vector<std::string>& errors) {
  if (backend.tls == conf::BackendTls::none) return {};
  const auto fail = [&](const conf::Place& place, const std::string& message) {
    errors.push_back(fmt::format("{}:{}:{}: backend {}: {}", settings.file, place.line,
                                 place.column, backend.name, message));
  };
  const auto before = errors.size();
  tls::ClientOptions options;
  options.pins = backend.pins;
  options.now = net::wall_clock;
  if (backend.verify.is_on) {
    const bool is_system = backend.verify.ca.empty();
    const auto trust = trust_in(trust_of(backend));
    const auto& place = backend.verify.place.line > 0 ? backend.verify.place : backend.tls_place;
    if (trust) {
      options.trust = *trust;
    } else {
      fail(place, trust.error().message +
                      (is_system ? " (the system's CAs, of the package ca-certificates; or name a "
                                   "file by `verify: {ca: FILE}`)"
                                 : ""));
    }
  }
  if (backend.client_certificate) {
    const auto& own = *backend.client_certificate;
    const auto files = files_of(own, owner);
    const auto loaded = files ? tls::Credentials::load(*files) : files.error();
    if (loaded) {
      options.credentials = *loaded;
    } else {
      fail(own.place, loaded.error().message);
    }
  }
  backend::Security::Contexts contexts;
  for (const auto& server : backend.servers) {
    options.name = backend.verify.name.empty() ? server.host : backend.verify.name;
    const auto context = tls::ClientContext::make(options);
    if (!context) {
      fail(backend.tls_place, context.error().message);
      break;
    }
    contexts.push_back(*context);
  }
  return errors.size() > before ? backend::Security::Contexts{} : contexts;
}

}  // namespace postern::server
