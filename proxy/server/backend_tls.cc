// See backend_tls.h.
#include "proxy/server/backend_tls.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "proxy/net/clock.h"
#include "proxy/server/certificate_files.h"
#include "tls/client_context.h"
#include "tls/credentials.h"

namespace postern::server {

std::string system_trust() {
  const char* const named =
      std::getenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe): at start
  return named != nullptr && *named != '\0' ? named : "/etc/ssl/certs/ca-certificates.crt";
}

tls::Result<std::shared_ptr<const tls::Trust>> BackendTls::trust_in(const std::string& path) {
  for (const auto& [read, trust] : trusts_) {
    if (read == path) return trust;
  }
  return trusts_.emplace_back(path, tls::Trust::load(path)).second;
}

std::shared_ptr<const backend::Security> BackendTls::load(const conf::Settings& settings,
                                                          const conf::Backend& backend,
                                                          const std::vector<std::size_t>& servers,
                                                          std::vector<std::string>& errors) {
  if (backend.tls == conf::BackendTls::none) return nullptr;
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
    const auto trust = trust_in(is_system ? system_trust() : backend.verify.ca);
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
    const auto files = files_of(own, user_to_become(settings));
    const auto loaded = files ? tls::Credentials::load(*files) : files.error();
    if (loaded) {
      options.credentials = *loaded;
    } else {
      fail(own.place, loaded.error().message);
    }
  }
  auto security = std::make_shared<backend::Security>();
  security->upgrade = backend.tls == conf::BackendTls::starttls
                          ? backend::Security::Upgrade::starttls
                          : backend::Security::Upgrade::implicit;
  std::vector<std::shared_ptr<const tls::ClientContext>> contexts;
  for (const auto& server : backend.servers) {
    options.name = backend.verify.name.empty() ? server.host : backend.verify.name;
    const auto context = tls::ClientContext::make(options);
    if (!context) {
      fail(backend.tls_place, context.error().message);
      break;
    }
    contexts.push_back(*context);
  }
  if (errors.size() > before) return nullptr;
  for (const auto server : servers) security->contexts.push_back(contexts[server]);
  return security;
}

}  // namespace postern::server
