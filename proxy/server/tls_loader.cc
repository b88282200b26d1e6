// See tls_loader.h.
#include "proxy/server/tls_loader.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "conf/lowest_versions.h"
#include "protocols/dialogue.h"
#include "proxy/net/clock.h"
#include "proxy/server/backend_tls.h"
#include "proxy/server/certificate_files.h"
#include "proxy/session/service.h"
#include "tls/certificate_choice.h"
#include "tls/client_certificate.h"
#include "tls/credentials.h"

namespace postern::server {

namespace {

tls::Version version_of(conf::TlsVersion version) {
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

std::chrono::seconds seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(net::wall_clock().time_since_epoch());
}

tls::ClientCertificates demand_of(conf::ClientCertificates demand) {
  switch (demand) {
    case conf::ClientCertificates::none:
      return tls::ClientCertificates::none;
    case conf::ClientCertificates::request:
      return tls::ClientCertificates::request;
    case conf::ClientCertificates::require:
      return tls::ClientCertificates::require;
  }
  __builtin_unreachable();
}

// One loading, collecting what is wrong.
class Loading {
 public:
  Loading(const conf::Settings& settings, std::optional<unsigned> owner, const TlsSources& served,
          const std::vector<std::string>& files, const std::vector<FileState>& states)
      : settings_(settings), owner_(owner), served_(served), files_(files), states_(states) {}

  LoadedTls run() {
    load_credentials();
    for (auto& warning : name_warnings(settings_, loaded_.sources.certificates)) {
      loaded_.warnings.push_back(std::move(warning));
    }
    if (!credentials_.empty()) {
      certificates_ = std::make_shared<const tls::CertificateChoice>(credentials_);
    }
    load_tickets();
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) {
      loaded_.snapshot.push_back(may_have_tls(i) && certificates_ ? contexts_of(i)
                                                                  : session::TlsContexts{});
    }
    check_islands();
    load_backends();
    return std::move(loaded_);
  }

 private:
  std::string at(const conf::Place& place) const {
    return fmt::format("{}:{}:{}: ", settings_.file, place.line, place.column);
  }

  // Root has read it at the start, and this user may not; it is as it was then. It must not keep the
  // others from being renewed.
  bool stays(const std::vector<std::string>& paths) const {
    if (served_.files.empty() || std::none_of(paths.begin(), paths.end(), is_hidden)) return false;
    return std::none_of(paths.begin(), paths.end(), [this](const std::string& path) {
      const auto at = std::find(files_.begin(), files_.end(), path) - files_.begin();
      const auto index = static_cast<std::size_t>(at);
      return index < files_.size() && differ({served_.files[index]}, {states_[index]});
    });
  }

  // What was loaded for these settings the last time, or null.
  std::shared_ptr<const tls::Credentials> served_for(const conf::Certificate& certificate) const {
    for (const auto& [setting, credentials] : served_.certificates) {
      if (setting == &certificate) return credentials;
    }
    return nullptr;
  }

  tls::Result<std::shared_ptr<const tls::Credentials>> load(
      const conf::Certificate& certificate, std::chrono::system_clock::time_point now) const {
    const auto before = served_for(certificate);
    if (before && stays(paths_of(certificate))) return before;
    const auto files = files_of(certificate, owner_);
    return files ? tls::Credentials::load(*files, before.get(), now) : files.error();
  }

  void load_credentials() {
    const auto now = net::wall_clock();
    for (const auto& certificate : settings_.certificates) {
      const auto loaded = load(certificate, now);
      if (!loaded) {
        loaded_.errors.push_back(at(certificate.place) + loaded.error().message);
        continue;
      }
      const auto& credentials = **loaded;
      // A forgotten renewal must not become an outage: it runs, and says so loudly.
      if (credentials.not_after() < now) {
        loaded_.warnings.push_back(fmt::format("{}{}: THE CERTIFICATE HAS EXPIRED on {:%Y-%m-%d}",
                                               at(certificate.place), certificate.chain,
                                               credentials.not_after()));
      } else if (credentials.not_before() > now) {
        loaded_.warnings.push_back(
            fmt::format("{}{}: the certificate is not valid before {:%Y-%m-%d}",
                        at(certificate.place), certificate.chain, credentials.not_before()));
      }
      for (const auto& warning : credentials.warnings(now)) {
        loaded_.warnings.push_back(at(certificate.place) + warning);
      }
      for (const auto& note : credentials.notes()) {
        loaded_.notes.push_back(at(certificate.place) + note);
      }
      loaded_.sources.certificates.push_back({&certificate, *loaded});
      credentials_.push_back(*loaded);
    }
  }

  void load_tickets() {
    tickets_ = std::make_shared<const TicketSecrets>(
        settings_, owner_, served_.tickets.get(),
        [this](const std::string& path) { return stays({path}); });
    const auto& errors = tickets_->errors();
    loaded_.errors.insert(loaded_.errors.end(), errors.begin(), errors.end());
    loaded_.sources.tickets = tickets_;
  }

  void load_backends() {
    BackendTls loader;
    for (std::size_t i = 0; i < settings_.backends.size(); ++i) {
      const auto& backend = settings_.backends[i];
      loaded_.sources.backends.push_back(
          stays(paths_of(backend)) ? served_.backends[i]
                                   : loader.load(settings_, backend, owner_, loaded_.errors));
    }
  }

  // Authorities and revocations.
  using Paths = std::pair<std::string, std::string>;
  static Paths authority_of(const conf::Tls& tls) {
    return tls.client_certificates == conf::ClientCertificates::none
               ? Paths()
               : Paths(tls.client_ca, tls.client_crl);
  }

  // Those of one listener, each pair of files once. False: they cannot be loaded.
  bool load_authority(const conf::Tls& tls) {
    if (tls.client_certificates == conf::ClientCertificates::none) return true;
    const auto [found, is_new] = authorities_.try_emplace(authority_of(tls));
    if (!is_new) return found->second != nullptr;
    auto loaded = tls::ClientAuthority::load(tls.client_ca, tls.client_crl);
    if (!loaded) {
      loaded_.errors.push_back(at(tls.client_ca_place) + loaded.error().message);
      return false;
    }
    found->second = *loaded;
    for (const auto& warning : found->second->warnings(net::wall_clock())) {
      loaded_.warnings.push_back(at(tls.client_ca_place) + warning);
    }
    return true;
  }

  session::TlsContexts contexts_of(std::size_t index) {
    const auto& listener = settings_.listeners[index];
    session::TlsContexts contexts;
    if (!load_authority(listener.tls)) return contexts;
    for (const auto& terms : terms_of(index)) {
      auto context = tls::ServerContext::make(options_of(listener, terms));
      if (!context) {
        loaded_.errors.push_back(at(listener.place) + context.error().message);
        break;
      }
      contexts.emplace_back(terms, *context);
    }
    return contexts;
  }

  // RSA key exchange is nothing for keys of other kinds.
  void check_islands() {
    const auto lacks_rsa = [](const auto& one) {
      return one.first.is_island && !one.second->serving().keys.rsa;
    };
    const bool is_lacking =
        std::any_of(loaded_.snapshot.begin(), loaded_.snapshot.end(), [&](const auto& contexts) {
          return std::any_of(contexts.begin(), contexts.end(), lacks_rsa);
        });
    if (!is_lacking) return;
    for (const auto& rule : settings_.rules) {
      if (rule.profile != conf::Profile::legacy) continue;
      loaded_.warnings.push_back(
          at(rule.profile_place) + "rule " + rule.name +
          ": RSA key exchange and 3DES need an RSA certificate, and there is "
          "none");
    }
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

  // The listener's own, and those of the rules that may hold there; each once.
  std::vector<session::TlsTerms> terms_of(std::size_t index) const {
    const auto& listener = settings_.listeners[index];
    std::vector<session::TlsTerms> all;
    const auto add = [&](const session::TlsTerms& terms) {
      if (std::find(all.begin(), all.end(), terms) == all.end()) all.push_back(terms);
    };
    const auto add_all = [&](const conf::Rule& rule) {
      const auto profile = rule.profile.value_or(listener.tls.profile);
      const bool is_island = rule.profile == conf::Profile::legacy;
      const auto lowest = conf::lowest_versions(listener, &rule);
      add({lowest.version, profile, is_island});
      for (const auto& dated : lowest.rising) {
        if (dated.version > lowest.version) add({dated.version, profile, is_island});
      }
    };
    add_all({});
    for (const auto& rule : settings_.rules) {
      if ((conf::states_versions(rule) || rule.profile) && may_hold(rule, index)) add_all(rule);
    }
    return all;
  }

  static tls::Profile profile_of(const session::TlsTerms& terms) {
    if (terms.is_island) return tls::Profile::island;
    switch (terms.profile) {
      case conf::Profile::modern:
        return tls::Profile::modern;
      case conf::Profile::intermediate:
        return tls::Profile::intermediate;
      case conf::Profile::legacy:
        return tls::Profile::legacy;
    }
    __builtin_unreachable();
  }

  tls::ServerOptions options_of(const conf::Listener& listener,
                                const session::TlsTerms& terms) const {
    const auto protocol = session::protocol_of(listener.protocol);
    tls::ServerOptions options;
    options.certificates = certificates_;
    options.profile = profile_of(terms);
    options.min_version = version_of(terms.min_version);
    options.max_version = version_of(listener.tls.max_version);
    // What is too old is handed on there, not told so.
    const bool explains = listener.tls.old_tls == conf::OldTls::explain &&
                          listener.legacy_tls != conf::LegacyTls::splice;
    options.old_versions = explains ? tls::OldVersions::accept : tls::OldVersions::refuse;
    // Registered ALPN names (RFC 8314 7.x has none for SMTP).
    if (protocol == protocols::Protocol::imap || protocol == protocols::Protocol::pop3) {
      options.alpn = protocols::name_of(protocol);
    }
    options.alpn_strict = listener.tls.alpn == conf::Alpn::strict;
    options.sni_strict = listener.tls.sni == conf::Sni::strict;
    options.resumption_scope = protocols::name_of(protocol);
    options.client_certificates = demand_of(listener.tls.client_certificates);
    if (const auto found = authorities_.find(authority_of(listener.tls));
        found != authorities_.end()) {
      options.client_authority = found->second;
    }
    options.ticket_keys = tickets_->find(listener.tls.tickets);
    options.now = seconds_now;
    return options;
  }

  const conf::Settings& settings_;
  const std::optional<unsigned> owner_;
  const TlsSources& served_;
  const std::vector<std::string>& files_;  // all of them, and
  const std::vector<FileState>& states_;   // how they are now
  std::shared_ptr<const TicketSecrets> tickets_;
  LoadedTls loaded_;
  std::vector<std::shared_ptr<const tls::Credentials>> credentials_;
  std::shared_ptr<const tls::CertificateChoice> certificates_;  // null where there are none
  std::map<Paths, std::shared_ptr<const tls::ClientAuthority>> authorities_;
};

}  // namespace

TlsLoader::TlsLoader(std::shared_ptr<const conf::Settings> settings)
    : settings_(std::move(settings)),
      files_(tls_files(*settings_)),
      owner_(user_to_become(*settings_)) {}

LoadedTls TlsLoader::load(const TlsSources& served) const {
  auto states = states_of(files_);  // first: what is written meanwhile must look new later
  auto loaded = Loading(*settings_, owner_, served, files_, states).run();
  loaded.sources.files = std::move(states);
  return loaded;
}

}  // namespace postern::server
