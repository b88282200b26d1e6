// The sections of the settings file.
#include "conf/sections.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "conf/admin_section.h"
#include "conf/audit_section.h"
#include "conf/backends_section.h"
#include "conf/first_bytes_section.h"
#include "conf/keys.h"
#include "conf/prefixes.h"
#include "conf/reader.h"
#include "conf/refusal_section.h"
#include "conf/rules_section.h"
#include "conf/source.h"
#include "conf/tls_section.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostWorkers = 256;
constexpr std::size_t kMostConnections = 1'000'000;
constexpr std::size_t kShortestLineLength = 1024;
constexpr std::size_t kLongestLineLength = 1024 * 1024;

constexpr std::string_view kListenersExpected = "a list of listeners";
constexpr std::string_view kBalancersExpected =
    "a list of balancers' addresses or networks, such as [\"192.0.2.4\"]";
constexpr std::string_view kAddressExpected =
    "a numeric address and a port, such as 0.0.0.0:25 or [::]:25";

auto count_to(std::size_t most) {
  return [most](std::string_view text) { return parse_count(text, 1, most); };
}

// The machine's name where it is one that may stand in a greeting.
std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return parse_host_name(name.data()).value.value_or("localhost");
}

class Sections {
 public:
  Sections(const std::string& file, Findings& findings)
      : folder_(std::filesystem::path(file).parent_path()), findings_(findings) {
    draft_.settings.file = file;
  }

  Draft read(const Node& root);

 private:
  Settings& settings() { return draft_.settings; }

  void read_workers(const Value& value);
  void read_listener(const Value& value);
  void read_address(const Value& value, Listener& listener, ListenerPlaces& places);
  void read_balancer(const Value& value, Listener& listener);
  void read_limits(const Value& value);
  void read_smtp(const Value& value);

  std::filesystem::path folder_;
  Findings& findings_;
  Draft draft_;
};

void Sections::read_workers(const Value& value) {
  const auto workers = value.parsed<std::size_t>([](std::string_view text) {
    if (text == "auto") return Parsed<std::size_t>{0, ""};
    auto count = parse_count(text, 1, kMostWorkers);
    if (!count.value) count.expected = "auto or " + count.expected;
    return count;
  });
  if (workers) settings().workers = *workers;
}

void Sections::read_address(const Value& value, Listener& listener, ListenerPlaces& places) {
  const auto text = value.text(kAddressExpected);
  if (!text) return;
  if (text->starts_with("systemd:")) return value.error("`systemd:`: not supported yet");
  const auto endpoint = value.parsed<Endpoint>(parse_listener_address);
  if (!endpoint) return;
  listener.addresses.push_back(*endpoint);
  places.addresses.push_back(value.place());
}

void Sections::read_balancer(const Value& value, Listener& listener) {
  const auto prefix = value.parsed<Prefix>(parse_prefix);
  if (!prefix) return;
  if (is_everybody(*prefix)) {
    findings_.warning(
        value.place(),
        "accept_proxy takes the PROXY header from everybody here, so that each client "
        "may name an address of its choice; expected the balancers' addresses");
  }
  listener.accept_proxy.push_back(*prefix);
}

void Sections::read_listener(const Value& value) {
  const auto fields =
      value.fields("a mapping with name, protocol, address, tls and backend", kListenerKeys);
  if (!fields) return;
  Listener listener;
  ListenerPlaces places;
  listener.place = value.place();
  listener.tls = settings().tls;
  listener.bare_newlines = settings().smtp.bare_newlines;
  places.name =
      fields->read_needed("name", "a name for logs and events", parse_name, listener.name);
  places.protocol = fields->choose_needed("protocol", "smtp, submission, imap or pop3", kProtocols,
                                          listener.protocol);
  if (const auto address = fields->need("address", kAddressExpected)) {
    if (address->is_list()) {
      for (const auto& item : address->items(kAddressExpected, kMostAddresses))
        read_address(item, listener, places);
    } else {
      read_address(*address, listener, places);
    }
  }
  places.tls_mode = fields->choose_needed("tls", "implicit, required, optional, none or auto",
                                          kTlsModes, listener.tls_mode);
  read_first_bytes(*fields, listener, places);
  if (const auto balancers = fields->find("accept_proxy")) {
    for (const auto& item : balancers->items(kBalancersExpected, kMostPrefixes))
      read_balancer(item, listener);
  }
  read_tls(*fields, folder_, listener.tls, places.tls);
  listener.tls_mode_place = places.tls_mode;
  read_login_policy(*fields, listener.logins);
  places.bare_newlines = fields->choose("bare_newlines", kBareNewlines, listener.bare_newlines);
  places.backend =
      fields->read_needed("backend", "the name of a backend", parse_name, places.backend_name);
  settings().listeners.push_back(std::move(listener));
  draft_.listeners.push_back(std::move(places));
}

void Sections::read_limits(const Value& value) {
  const auto fields = value.fields("a mapping of limits", kLimitsKeys);
  if (!fields) return;
  Limits& limits = settings().limits;
  const auto time = time_from(milliseconds(1));
  fields->read("connections", count_to(kMostConnections), limits.connections);
  draft_.connections_per_ip =
      fields->read("connections_per_ip", count_to(kMostConnections), limits.connections_per_ip);
  fields->read("handshake_timeout", time, limits.handshake_timeout);
  fields->read("login_timeout", time, limits.login_timeout);
  draft_.idle_timeout = fields->read("idle_timeout", time, limits.idle_timeout);
  fields->read(
      "line_length",
      [](std::string_view text) {
        return parse_size(text, kShortestLineLength, kLongestLineLength);
      },
      limits.line_length);
}

// Verbs that SMTP, or postern itself, cannot do without.
constexpr std::string_view kNeverHidden[] = {"EHLO", "HELO", "MAIL", "RCPT", "DATA",
                                             "QUIT", "RSET", "NOOP", "AUTH", "STARTTLS"};

Parsed<std::string> parse_hidden_verb(std::string_view text) {
  auto verb = parse_verb(text);
  const bool is_needed = verb.value && std::find(std::begin(kNeverHidden), std::end(kNeverHidden),
                                                 *verb.value) != std::end(kNeverHidden);
  if (is_needed) return {{}, "a verb that sessions can do without"};
  return verb;
}

void Sections::read_smtp(const Value& value) {
  const auto fields = value.fields("a mapping with bare_newlines and hide", kSmtpKeys);
  if (!fields) return;
  Smtp& smtp = settings().smtp;
  fields->choose("bare_newlines", kBareNewlines, smtp.bare_newlines);
  const auto hide = fields->find("hide");
  if (!hide) return;
  smtp.hide.clear();
  bool is_valid = hide->is_empty_list();
  if (!is_valid) {
    const auto items = hide->items("a list of SMTP verbs, such as [VRFY, EXPN]", kMostHidden);
    is_valid = !items.empty();
    for (const auto& item : items) {
      auto verb = item.parsed<std::string>(parse_hidden_verb);
      if (!verb)
        is_valid = false;
      else if (std::find(smtp.hide.begin(), smtp.hide.end(), *verb) == smtp.hide.end())
        smtp.hide.push_back(std::move(*verb));
    }
  }
  if (is_valid) draft_.hide = hide->place();
}

Draft Sections::read(const Node& root) {
  const Value top(root, "", findings_);
  const auto fields = top.fields("a mapping with backends and listeners", kTopKeys);
  if (!fields) return std::move(draft_);
  settings().hostname = machine_name();
  settings().hostname_place = fields->read("hostname", parse_host_name, settings().hostname);
  if (const auto workers = fields->find("workers")) read_workers(*workers);
  settings().user_place = fields->read("user", parse_user, settings().user);
  if (const auto certificates = fields->find("certificates")) {
    draft_.certificates = Given::yes;
    for (const auto& item :
         certificates->items("a list of certificates, each with chain and key", kMostCertificates))
      read_certificate(item, folder_, settings());
  }
  if (const auto tls = fields->find("tls")) {
    if (const auto keys = tls->fields("a mapping of TLS settings", kTlsKeys))
      read_tls(*keys, folder_, settings().tls, draft_.tls);
  }
  // Before the listeners, which take their defaults from it as they do from `tls`.
  if (const auto smtp = fields->find("smtp")) read_smtp(*smtp);
  if (const auto backends = fields->need("backends", kBackendsExpected))
    read_backends(*backends, folder_, draft_, findings_);
  if (const auto listeners = fields->need("listeners", kListenersExpected))
    for (const auto& item : listeners->items(kListenersExpected, kMostListeners))
      read_listener(item);
  if (const auto rules = fields->find("rules")) read_rules(*rules, draft_);
  if (const auto limits = fields->find("limits")) read_limits(*limits);
  if (const auto refusal = fields->find("refusal")) read_refusal(*refusal, settings().refusal);
  if (const auto audit = fields->find("audit")) read_audit(*audit, folder_, settings().audit);
  if (const auto admin = fields->find("admin")) read_admin(*admin, folder_, settings().admin);
  if (const auto log = fields->find("log"))
    if (const auto keys = log->fields("a mapping with level", kLogKeys))
      keys->choose("level", kLogLevels, settings().log_level);
  fields->read("shutdown_grace", time_from(milliseconds(0)), settings().shutdown_grace);
  return std::move(draft_);
}

}  // namespace

Draft read_sections(const Node& root, const std::string& file, Findings& findings) {
  return Sections(file, findings).read(root);
}

}  // namespace postern::conf
