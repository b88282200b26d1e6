// Cross-references and contradictions.
#include "conf/check.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/check_clients.h"
#include "conf/check_rules.h"
#include "conf/check_tls.h"
#include "conf/first_bytes_section.h"
#include "conf/nearest.h"
#include "conf/reach.h"
#include "conf/source.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

// The names of listeners stand in events, so they must tell them apart.
void check_names(const Draft& draft, Findings& findings) {
  std::unordered_map<std::string_view, Place> seen;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const Place place = draft.listeners[i].name;
    if (!is_stated(place)) continue;
    const auto& name = draft.settings.listeners[i].name;
    const auto [first, is_new] = seen.emplace(name, place);
    if (!is_new)
      findings.error(place, "listener " + shown(name) + " stands on " + on_line(first->second) +
                                " already; expected a name of its own");
  }
}

void check_backends(Draft& draft, Findings& findings) {
  const auto& backends = draft.settings.backends;
  if (backends.empty()) return;  // reported already
  std::vector<std::string_view> names;
  for (const auto& backend : backends) names.push_back(backend.name);
  std::vector<bool> used(backends.size());
  bool all_known = true;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const auto& places = draft.listeners[i];
    if (!is_stated(places.backend)) {
      all_known = false;
      continue;
    }
    const auto found = std::find(names.begin(), names.end(), places.backend_name);
    if (found == names.end()) {
      all_known = false;
      const auto near = nearest(places.backend_name, names);
      const std::string offer = near.empty() ? "; expected a name that stands under `backends`"
                                             : "; did you mean " + shown(near) + "?";
      findings.error(places.backend, "no backend " + shown(places.backend_name) + offer);
      continue;
    }
    const auto index = static_cast<std::size_t>(found - names.begin());
    draft.settings.listeners[i].backend = index;
    used[index] = true;
  }
  if (!all_known || draft.listeners.empty()) return;  // the missing one may be any of them
  for (std::size_t i = 0; i < backends.size(); ++i)
    if (!used[i])
      findings.warning(draft.backends[i].name,
                       "backend " + shown(backends[i].name) + " is used by no listener");
}

void check_certificates(const Draft& draft, Findings& findings) {
  if (draft.certificates == Given::yes) return;
  const auto missing = [&](Place place, TlsMode mode) {
    findings.error(place, "`tls: " + std::string(word(mode)) +
                              "` without a certificate; expected `certificates` with chain and "
                              "key");
  };
  const auto& listeners = draft.settings.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const TlsMode mode = listeners[i].tls_mode;
    const Place place = draft.listeners[i].tls_mode;
    if (is_stated(place) && mode != TlsMode::none) return missing(place, mode);
  }
  for (const auto& rule : draft.settings.rules) {
    if (!rule.tls_mode || *rule.tls_mode == TlsMode::none) continue;
    for (std::size_t i = 0; i < listeners.size(); ++i)
      if (is_for(rule, i) && gives_tls(rule, listeners[i]))
        return missing(rule.tls_mode_place, *rule.tls_mode);
  }
}

// Whether the second of two binds would fail: the same port, and one address covers the other. The
// wildcard of IPv6 takes IPv4 too.
bool overlaps(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port) return false;
  const auto covers = [](const Endpoint& x, const Endpoint& y) {
    const bool is_ipv4 = y.host.find(':') == std::string::npos;
    return x.host == y.host || x.host == "::" || (x.host == "0.0.0.0" && is_ipv4);
  };
  return covers(a, b) || covers(b, a);
}

void check_addresses(const Draft& draft, Findings& findings) {
  struct Bound {
    const Endpoint* endpoint;
    Place place;
  };
  std::vector<Bound> bound;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const auto& addresses = draft.settings.listeners[i].addresses;
    for (std::size_t k = 0; k < addresses.size(); ++k) {
      const Place place = draft.listeners[i].addresses[k];
      const auto other = std::find_if(bound.begin(), bound.end(), [&](const Bound& b) {
        return overlaps(*b.endpoint, addresses[k]);
      });
      if (other != bound.end())
        findings.error(place, endpoint_text(addresses[k]) + " is taken by " +
                                  endpoint_text(*other->endpoint) + " on " + on_line(other->place) +
                                  "; expected a free address and port");
      else
        bound.push_back({&addresses[k], place});
    }
  }
}

// Keys of a listener that can never act there.
void check_idle_keys(const Draft& draft, std::size_t index, Findings& findings) {
  const Listener& listener = draft.settings.listeners[index];
  const ListenerPlaces& places = draft.listeners[index];
  const auto warn = [&](Place place, std::string_view key, const std::string& why) {
    if (is_stated(place)) findings.warning(place, std::string(key) + " never acts " + why);
  };
  const LoginPolicy& logins = listener.logins;
  if (is_stated(places.tls_mode)) {
    const std::string mode = "with `tls: " + std::string(word(listener.tls_mode)) + "`";
    if (!may_be_clear(draft, index)) {
      const std::string why = mode + ": no login comes without TLS there";
      warn(logins.cleartext_login_place, "cleartext_login", why);
      warn(logins.refuse_from_place, "refuse_from", why);
      warn(logins.refuse_share_place, "refuse_share", why);
    } else if (cleartext_login_of(listener) == CleartextLogin::refuse) {
      const bool is_default = !is_stated(logins.cleartext_login_place);
      const std::string why =
          std::string("with `cleartext_login: refuse`") + (is_default ? ", the default" : "");
      warn(logins.refuse_from_place, "refuse_from", why);
      warn(logins.refuse_share_place, "refuse_share", why);
    }
    if (!may_have_tls(draft, index)) {
      warn(places.tls.profile, "profile", mode);
      warn(places.tls.min_version, "min_version", mode);
      warn(places.tls.min_version_from, "min_version_from", mode);
      warn(places.tls.max_version, "max_version", mode);
      warn(places.tls.alpn, "alpn", mode);
      warn(places.tls.old_tls, "old_tls", mode);
      warn(places.tls.sni, "sni", mode);
      warn(places.tls.tickets, "tickets", mode);
      warn(places.tls.client_certificates, "client_certificates", mode);
    }
  }
  if (is_stated(places.protocol) && !is_mail(listener.protocol))
    warn(places.bare_newlines, "bare_newlines", "outside smtp and submission");
}

void check_logins(const Draft& draft, std::size_t index, Findings& findings) {
  const Listener& listener = draft.settings.listeners[index];
  const ListenerPlaces& places = draft.listeners[index];
  if (!is_stated(places.tls_mode) || listener.tls_mode != TlsMode::none) return;
  if (!is_stated(places.protocol) || listener.protocol == Protocol::smtp) return;
  if (may_have_tls(draft, index) || may_log_in_clear(draft, index)) return;
  const Place place = listener.logins.cleartext_login_place;
  const bool is_default = !is_stated(place);
  findings.error(is_default ? places.tls_mode : place,
                 std::string("nobody can log in: `tls: none` with `cleartext_login: refuse`") +
                     (is_default ? " (the default)" : "") +
                     "; expected another tls mode, or cleartext_login warn or observe");
}

void check_limits(const Draft& draft, Findings& findings) {
  const Limits& limits = draft.settings.limits;
  if (is_stated(draft.connections_per_ip) && limits.connections_per_ip > limits.connections)
    findings.warning(draft.connections_per_ip,
                     "connections_per_ip never acts: it is above connections, " +
                         std::to_string(limits.connections));
  if (!is_stated(draft.idle_timeout)) return;
  struct Least {
    Protocol protocol;
    std::chrono::minutes time;
    std::string_view rule;
  };
  using std::chrono::minutes;
  constexpr std::array kLeast = {
      Least{Protocol::imap, minutes(30), "RFC 9051 section 5.4 asks for 30m at least on IMAP"},
      Least{Protocol::pop3, minutes(10), "RFC 1939 section 3 asks for 10m at least on POP3"},
      Least{Protocol::smtp, minutes(5), "RFC 5321 section 4.5.3.2 asks for 5m at least on SMTP"},
      Least{Protocol::submission, minutes(5),
            "RFC 5321 section 4.5.3.2 asks for 5m at least on SMTP"}};
  const auto& listeners = draft.settings.listeners;
  for (const auto& least : kLeast) {
    const bool is_there = std::any_of(listeners.begin(), listeners.end(),
                                      [&](const auto& l) { return l.protocol == least.protocol; });
    if (is_there && limits.idle_timeout < least.time)
      return findings.warning(
          draft.idle_timeout,
          "idle_timeout is " + time_text(limits.idle_timeout) + "; " + std::string(least.rule));
  }
}

// A client must not speak for another address: the backend believes postern's.
void check_hidden(const Draft& draft, Findings& findings) {
  constexpr std::array kTrusted = {"XCLIENT",  "XFORWARD",       "XPROXY",  "XPROXYFROM",
                                   "XPROXYTO", "XSESSIONPARAMS", "XSHADOW", "XSHADOWREQUEST"};
  if (!is_stated(draft.hide)) return;
  const auto& hide = draft.settings.smtp.hide;
  std::string missing;
  for (const std::string_view verb : kTrusted)
    if (std::find(hide.begin(), hide.end(), verb) == hide.end())
      missing += (missing.empty() ? "" : ", ") + std::string(verb);
  if (!missing.empty())
    findings.warning(draft.hide, "a backend that trusts postern takes these from any client: " +
                                     missing + "; expected them in hide");
}

bool is_any(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

// Whether dialling `server` certainly reaches a socket bound to `listener`, on one port: dialling
// the wildcard reaches loopback.
bool reaches(std::string_view server, std::string_view listener) {
  if (server == listener) return true;
  const bool is_local = is_loopback(server) || is_any(server);
  const bool is_every = server == "localhost" || is_any(server);
  return is_local && (is_any(listener) || (is_every && is_loopback(listener)));
}

// A backend server, or its own TLS port, that is one of the listeners: sessions would go round until
// no descriptor is left.
void check_loops(const Draft& draft, Findings& findings) {
  const auto& settings = draft.settings;
  const auto check_server = [&](const Endpoint& server, Place place) {
    for (const auto& listener : settings.listeners) {
      for (const auto& address : listener.addresses) {
        if (address.port != server.port) continue;
        const std::string target =
            endpoint_text(server) + " is postern's own listener " + shown(listener.name);
        if (reaches(server.host, address.host))
          return findings.error(place, target + "; expected the server behind it");
        if (is_any(address.host) && server.host == settings.hostname)
          return findings.warning(place, target +
                                             " where this name is this machine's; expected "
                                             "the server behind it");
      }
    }
  };
  for (std::size_t i = 0; i < settings.backends.size(); ++i)
    for (std::size_t k = 0; k < settings.backends[i].servers.size(); ++k)
      check_server(settings.backends[i].servers[k], draft.backends[i].servers[k]);
  for (std::size_t i = 0; i < settings.listeners.size(); ++i)
    for (std::size_t k = 0; k < settings.listeners[i].legacy_servers.size(); ++k)
      check_server(settings.listeners[i].legacy_servers[k], draft.listeners[i].legacy_servers[k]);
}

}  // namespace

void check(Draft& draft, Findings& findings) {
  check_names(draft, findings);
  check_backends(draft, findings);
  check_rules(draft, findings);
  check_certificates(draft, findings);
  check_addresses(draft, findings);
  check_tls(draft, findings);
  check_clients(draft, findings);
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    check_idle_keys(draft, i, findings);
    check_first_bytes(draft, i, findings);
    check_logins(draft, i, findings);
  }
  check_limits(draft, findings);
  check_hidden(draft, findings);
  check_loops(draft, findings);
}

}  // namespace postern::conf
