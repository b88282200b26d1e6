// See services.h.
#include "proxy/server/services.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <utility>

namespace postern::server {

namespace {

// Turns settings into services, collecting what is wrong.
class Maker {
 public:
  explicit Maker(std::shared_ptr<const conf::Settings> settings)
      : owned_(std::move(settings)), settings_(*owned_) {}

  Services make() {
    load_tls();
    resolve_backends();
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) add(i);
    return std::move(services_);
  }

 private:
  std::string at(const conf::Place& place) const {
    return fmt::format("{}:{}:{}: ", settings_.file, place.line, place.column);
  }

  void load_tls() {
    services_.tls_loader = std::make_unique<TlsLoader>(owned_);
    auto loaded = services_.tls_loader->load();
    services_.errors = std::move(loaded.errors);
    services_.warnings = std::move(loaded.warnings);
    services_.notes = std::move(loaded.notes);
    services_.tls_sources = std::move(loaded.sources);
    services_.tls = std::make_shared<session::CurrentTls>(std::move(loaded.snapshot));
  }

  void resolve_backends() {
    for (const auto& backend : settings_.backends) {
      backend::Backend resolved{
          backend.name, {}, backend.connect_timeout, backend.greeting_timeout};
      std::vector<std::size_t> servers;  // whose address it is, of each
      for (std::size_t i = 0; i < backend.servers.size(); ++i) {
        resolve(backend.place, "backend " + backend.name, backend.servers[i], resolved.servers);
        servers.resize(resolved.servers.size(), i);
      }
      resolved.security = services_.backend_tls.emplace_back(
          secure(backend, services_.tls_sources.backends[backends_.size()], std::move(servers)));
      resolved.hostname = settings_.hostname;
      backends_.push_back(std::move(resolved));
    }
  }

  static std::shared_ptr<backend::Security> secure(const conf::Backend& backend,
                                                   const backend::Security::Contexts& contexts,
                                                   std::vector<std::size_t> servers) {
    if (contexts.empty()) return nullptr;
    using Upgrade = backend::Security::Upgrade;
    const auto upgrade =
        backend.tls == conf::BackendTls::starttls ? Upgrade::starttls : Upgrade::implicit;
    return std::make_shared<backend::Security>(upgrade, contexts, std::move(servers));
  }

  // `whose` and `place` are for messages.
  void resolve(const conf::Place& place, const std::string& whose, const conf::Endpoint& server,
               std::vector<net::Address>& addresses) {
    if (const auto numeric = net::Address::parse(server.host, server.port)) {
      addresses.push_back(*numeric);
      return;
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error =
        getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
    if (error != 0) {
      services_.errors.push_back(fmt::format("{}{}: cannot resolve {}: {}", at(place), whose,
                                             server.host, gai_strerror(error)));
      return;
    }
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
      addresses.push_back(net::Address::from(one->ai_addr));
    }
    freeaddrinfo(found);
  }

  // They answer a ClientHello at once, or not at all.
  backend::Backend legacy_of(const conf::Listener& listener) {
    const auto& backend = settings_.backends[listener.backend];
    backend::Backend legacy{backend.name, {}, backend.connect_timeout, backend.connect_timeout};
    for (const auto& server : listener.legacy_servers) {
      resolve(listener.place, "legacy_servers of listener " + listener.name, server,
              legacy.servers);
    }
    return legacy;
  }

  void add(std::size_t index) {
    const auto& listener = settings_.listeners[index];
    auto service = std::make_shared<session::Service>(
        session::Service{owned_, index, session::protocol_of(listener.protocol), options(),
                         services_.tls, backends_[listener.backend], legacy_of(listener)});
    service->backend.protocol = service->protocol;
    services_.list.push_back(std::move(service));
  }

  protocols::Options options() const {
    protocols::Options options;
    options.hostname = settings_.hostname;
    options.line_length = settings_.limits.line_length;
    options.hidden_verbs.insert(settings_.smtp.hide.begin(), settings_.smtp.hide.end());
    options.refusal_text = settings_.refusal.text;
    options.help_url = settings_.refusal.help_url;
    return options;
  }

  const std::shared_ptr<const conf::Settings> owned_;
  const conf::Settings& settings_;
  Services services_;
  std::vector<backend::Backend> backends_;
};

}  // namespace

void Services::serve(session::TlsSnapshot snapshot, const TlsSources& sources) {
  tls->swap(std::move(snapshot));
  for (std::size_t i = 0; i < backend_tls.size(); ++i) {
    if (backend_tls[i] != nullptr) backend_tls[i]->swap(sources.backends[i]);
  }
}

Services make_services(std::shared_ptr<const conf::Settings> settings) {
  return Maker(std::move(settings)).make();
}

}  // namespace postern::server
