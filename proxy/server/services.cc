// See services.h.
#include "proxy/server/services.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/net/clock.h"
#include "tls/credentials.h"
#include "tls/tickets.h"

namespace postern::server {

namespace {

constexpr std::chrono::hours kTicketRotation{12};

// Turns settings into services, collecting what is wrong.
class Maker {
 public:
  explicit Maker(std::shared_ptr<const conf::Settings> settings)
      : owned_(std::move(settings)), settings_(*owned_) {}

  Services make() {
    load_credentials();
    resolve_backends();
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) add(i);
    return std::move(services_);
  }

 private:
  std::string at(const conf::Place& place) const {
    return fmt::format("{}:{}:{}: ", settings_.file, place.line, place.column);
  }

  void load_credentials() {
    const auto now = net::wall_clock();
    for (const auto& certificate : settings_.certificates) {
      auto loaded = tls::Credentials::load(certificate.chain, certificate.key);
      if (!loaded) {
        services_.errors.push_back(at(certificate.place) + loaded.error().message);
        continue;
      }
      const auto& credentials = **loaded;
      // A forgotten renewal must not become an outage: it runs, and says so loudly.
      if (credentials.not_after() < now) {
        services_.warnings.push_back(fmt::format("{}{}: THE CERTIFICATE HAS EXPIRED on {:%Y-%m-%d}",
                                                 at(certificate.place), certificate.chain,
                                                 credentials.not_after()));
      } else if (credentials.not_before() > now) {
        services_.warnings.push_back(
            fmt::format("{}{}: the certificate is not valid before {:%Y-%m-%d}",
                        at(certificate.place), certificate.chain, credentials.not_before()));
      }
      credentials_.push_back(*loaded);
    }
  }

  void resolve_backends() {
    for (const auto& backend : settings_.backends) {
      backend::Backend resolved{
          backend.name, {}, backend.connect_timeout, backend.greeting_timeout};
      for (const auto& server : backend.servers) resolve(backend, server, resolved.servers);
      backends_.push_back(std::move(resolved));
    }
  }

  void resolve(const conf::Backend& backend, const conf::Endpoint& server,
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
      services_.errors.push_back(fmt::format("{}backend {}: cannot resolve {}: {}",
                                             at(backend.place), backend.name, server.host,
                                             gai_strerror(error)));
      return;
    }
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
      addresses.push_back(net::Address::from(one->ai_addr));
    }
    freeaddrinfo(found);
  }

  void add(std::size_t index) {
    const auto& listener = settings_.listeners[index];
    auto service = std::make_shared<session::Service>(session::Service{
        owned_, index, protocol_of(listener.protocol), options(), {}, backends_[listener.backend]});
    if (may_have_tls(index) && !credentials_.empty()) {
      for (const auto lowest : lowest_versions(index)) {
        auto context = tls::ServerContext::make(tls_options_of(listener, lowest));
        if (context) {
          service->tls[static_cast<std::size_t>(lowest)] = *context;
        } else {
          services_.errors.push_back(at(listener.place) + context.error().message);
          break;
        }
      }
    }
    services_.list.push_back(std::move(service));
  }

  static bool may_hold(const conf::Rule& rule, std::size_t index) {
    const auto& at = rule.listeners;
    return at.empty() || std::find(at.begin(), at.end(), index) != at.end();
  }

  // By its own mode, or for the clients of some rule.
  bool may_have_tls(std::size_t index) const {
    const auto gives_tls = [index](const conf::Rule& rule) {
      return may_hold(rule, index) &&
             rule.tls_mode.value_or(conf::TlsMode::none) != conf::TlsMode::none;
    };
    return settings_.listeners[index].tls_mode != conf::TlsMode::none ||
           std::any_of(settings_.rules.begin(), settings_.rules.end(), gives_tls);
  }

  // The listener's own, and those of the rules that may hold there.
  std::set<conf::TlsVersion> lowest_versions(std::size_t index) const {
    std::set<conf::TlsVersion> versions{settings_.listeners[index].tls.min_version};
    for (const auto& rule : settings_.rules) {
      if (rule.min_version && may_hold(rule, index)) versions.insert(*rule.min_version);
    }
    return versions;
  }

  static protocols::Protocol protocol_of(conf::Protocol protocol) {
    switch (protocol) {
      case conf::Protocol::smtp:
        return protocols::Protocol::smtp;
      case conf::Protocol::submission:
        return protocols::Protocol::submission;
      case conf::Protocol::imap:
        return protocols::Protocol::imap;
      case conf::Protocol::pop3:
        return protocols::Protocol::pop3;
    }
    __builtin_unreachable();
  }

  static tls::Version version_of(conf::TlsVersion version) {
    switch (version) {
      case conf::TlsVersion::tls1_0:
        return tls::Version::tls1_0;
      case conf::TlsVersion::tls1_1:
        return tls::Version::tls1_1;
      case conf::TlsVersion::tls1_2:
        return tls::Version::tls1_2;
      case conf::TlsVersion::tls1_3:
        return tls::Version::tls1_3;
    }
    __builtin_unreachable();
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

  tls::ServerOptions tls_options_of(const conf::Listener& listener, conf::TlsVersion lowest) const {
    const auto protocol = protocol_of(listener.protocol);
    tls::ServerOptions options;
    options.credentials = credentials_;
    options.min_version = version_of(lowest);
    options.max_version = version_of(listener.tls.max_version);
    options.old_versions = listener.tls.old_tls == conf::OldTls::explain ? tls::OldVersions::accept
                                                                         : tls::OldVersions::refuse;
    // Registered ALPN names (RFC 8314 7.x has none for SMTP).
    if (protocol == protocols::Protocol::imap || protocol == protocols::Protocol::pop3) {
      options.alpn = protocols::name_of(protocol);
    }
    options.alpn_strict = listener.tls.alpn == conf::Alpn::strict;
    options.resumption_scope = protocols::name_of(protocol);
    options.ticket_keys = ticket_keys_;
    return options;
  }

  const std::shared_ptr<const conf::Settings> owned_;
  const conf::Settings& settings_;
  Services services_;
  std::vector<std::shared_ptr<const tls::Credentials>> credentials_;
  std::vector<backend::Backend> backends_;
  std::shared_ptr<const tls::TicketKeys> ticket_keys_ =
      std::make_shared<tls::TicketKeys>(kTicketRotation, [] {
        return std::chrono::duration_cast<std::chrono::seconds>(
            net::wall_clock().time_since_epoch());
      });
};

}  // namespace

Services make_services(std::shared_ptr<const conf::Settings> settings) {
  return Maker(std::move(settings)).make();
}

}  // namespace postern::server
