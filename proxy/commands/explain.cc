// See explain.h.
#include "proxy/commands/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "conf/dates.h"
#include "conf/load.h"
#include "conf/nearest.h"
#include "conf/prefixes.h"
#include "conf/source.h"
#include "conf/words.h"
#include "proxy/commands/explanation.h"
#include "proxy/net/clock.h"

namespace postern::commands {

namespace {

constexpr int kUsage = 2;

std::string place_text(const conf::Settings& settings, const conf::Place& place) {
  if (place.line == 0) return "the default";
  return fmt::format("{}:{}:{}", settings.file, place.line, place.column);
}

nlohmann::ordered_json place_json(const conf::Settings& settings, const conf::Place& place) {
  if (place.line == 0) return nullptr;
  return {{"file", settings.file}, {"line", place.line}, {"column", place.column}};
}

std::string address_text(const LoginCase& login) {
  return conf::prefix_text({login.client.address, 128});
}

std::string_view tls_word(const LoginCase& login) {
  return login.tls_version ? conf::word(*login.tls_version) : "none";
}

std::string case_text(const conf::Settings& settings, const LoginCase& login) {
  const auto& listener = settings.listeners[login.client.listener];
  return fmt::format(
      "listener {} ({}), from {}, {}, {}{}, at {}\n", listener.name, conf::word(listener.protocol),
      address_text(login), login.user ? "user " + conf::shown(*login.user) : "no user known",
      login.tls_version ? fmt::format("TLS {}", tls_word(login)) : "without TLS",
      login.has_certificate ? " with a client certificate" : "", conf::moment_text(login.at));
}

// The listener with the name; none, and said, where there is none.
std::optional<std::size_t> listener_of(const conf::Settings& settings, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& listener : settings.listeners) names.push_back(listener.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = conf::nearest(name, names);
  std::cerr << fmt::format(
      "postern explain: --listener: no listener {}; {}\n", conf::shown(name),
      near.empty() ? "expected " + conf::listed(names) : "did you mean " + conf::shown(near) + "?");
  return std::nullopt;
}

template <class T>
std::optional<T> value_of(std::string_view option, std::string_view text, conf::Parsed<T> parsed) {
  if (!parsed.value) {
    std::cerr << fmt::format("postern explain: {}: expected {}, found {}\n", option,
                             parsed.expected, conf::shown(text));
  }
  return std::move(parsed.value);
}

// "none" has no version.
conf::Parsed<std::optional<conf::TlsVersion>> parse_tls(std::string_view text) {
  if (text == "none") return {std::optional<conf::TlsVersion>{}, ""};
  for (const auto& choice : conf::kTlsVersions)
    if (choice.word == text) return {choice.value, ""};
  return {{}, "none, 1.0, 1.1, 1.2 or 1.3"};
}

// The login that is asked about; none, and said, where it cannot be.
std::optional<LoginCase> login_of(const ExplainRequest& request, const conf::Settings& settings) {
  LoginCase login;
  const auto address = value_of("--from", request.from, conf::parse_address_octets(request.from));
  const auto listener = listener_of(settings, request.listener);
  if (!address || !listener) return std::nullopt;
  login.client = {*listener, *address};
  login.user = request.user;
  login.at = std::chrono::floor<std::chrono::seconds>(net::wall_clock());
  if (!request.at.empty()) {
    const auto at = value_of("--at", request.at, conf::parse_moment(request.at));
    if (!at) return std::nullopt;
    login.at = *at;
  }
  if (!request.tls.empty()) {
    const auto version = value_of("--tls", request.tls, parse_tls(request.tls));
    if (!version) return std::nullopt;
    login.tls_version = *version;
  } else if (settings.listeners[*listener].tls_mode == conf::TlsMode::implicit) {
    login.tls_version = conf::TlsVersion::tls1_3;
  }
  if (request.has_certificate && !login.tls_version) {
    std::cerr << "postern explain: --certificate: without TLS no client can show one; see --tls\n";
    return std::nullopt;
  }
  login.has_certificate = request.has_certificate;
  return login;
}

// As the settings have it: of an `auto` listener, its own word where no rule says otherwise.
std::string_view mode_word(const policy::Admission& admission, const conf::Listener& listener) {
  const auto& place = admission.tls_mode_place;
  const auto& own = listener.tls_mode_place;
  const bool is_own = place.line == own.line && place.column == own.column;
  return conf::word(admission.recognises_tls && is_own ? listener.tls_mode : admission.tls_mode);
}

}  // namespace

std::string explanation_text(const conf::Settings& settings, const LoginCase& login) {
  const auto made = explanation_of(settings, login);
  const auto& listener = settings.listeners[login.client.listener];
  std::string out = case_text(settings, login);
  const auto line = [&](std::string_view name, std::string_view text) {
    fmt::format_to(std::back_inserter(out), "  {:<12} {}\n", name, text);
  };
  out += "rules\n";
  for (const auto& step : made.path) {
    fmt::format_to(std::back_inserter(out), "  {} {}: {}\n", place_text(settings, step.rule->place),
                   step.rule->name, reason_of(step.match));
  }
  const bool is_matched = !made.path.empty() && made.path.back().match == policy::Match::matched;
  if (!is_matched && made.decision.rule == policy::kNoRule)
    out += "  none matches: the listener decides\n";
  const auto& admission = made.admission;
  out += "admission\n";
  line("tls", fmt::format("{} ({})", mode_word(admission, listener),
                          place_text(settings, admission.tls_mode_place)));
  line("min_version", fmt::format("{} ({})", conf::word(admission.min_version),
                                  place_text(settings, admission.min_version_place)));
  line("profile", fmt::format("{} ({})", conf::word(admission.profile),
                              place_text(settings, admission.profile_place)));
  line("old_tls", conf::word(listener.tls.old_tls));
  line("rule", admission.rule);
  fmt::format_to(std::back_inserter(out), "verdict: {}\n", policy::name_of(made.decision.verdict));
  if (made.decision.reason != policy::Reason::none)
    line("reason", policy::name_of(made.decision.reason));
  if (!made.key.empty())
    line("key", fmt::format("{} ({})", made.key, place_text(settings, made.decision.place)));
  line("rule", made.decision.rule);
  if (made.decision.is_by_share) line("share", "another hour may allow it");
  if (!made.told.empty()) line("told", made.told);
  if (!made.acts.empty()) line("acts", made.acts);
  for (const auto& note : made.notes) line("note", note);
  return out;
}

std::string explanation_json(const conf::Settings& settings, const LoginCase& login) {
  using nlohmann::ordered_json;
  const auto made = explanation_of(settings, login);
  const auto& listener = settings.listeners[login.client.listener];
  auto rules = ordered_json::array();
  for (const auto& step : made.path) {
    rules.push_back({{"name", step.rule->name},
                     {"place", place_json(settings, step.rule->place)},
                     {"match", name_of(step.match)}});
  }
  ordered_json out;
  out["listener"] = listener.name;
  out["protocol"] = conf::word(listener.protocol);
  out["from"] = address_text(login);
  out["user"] = login.user ? ordered_json(*login.user) : ordered_json(nullptr);
  out["tls"] = tls_word(login);
  out["certificate"] = login.has_certificate;
  out["at"] = conf::moment_text(login.at);
  out["verdict"] = policy::name_of(made.decision.verdict);
  out["reason"] = policy::name_of(made.decision.reason);
  out["rule"] = made.decision.rule;
  out["key"] = made.key;
  out["place"] = place_json(settings, made.decision.place);
  out["by_share"] = made.decision.is_by_share;
  out["told"] = made.told;
  out["acts"] = made.acts;
  out["notes"] = made.notes;
  out["rules"] = std::move(rules);
  out["admission"] = {{"tls", mode_word(made.admission, listener)},
                      {"tls_place", place_json(settings, made.admission.tls_mode_place)},
                      {"min_version", conf::word(made.admission.min_version)},
                      {"min_version_place", place_json(settings, made.admission.min_version_place)},
                      {"profile", conf::word(made.admission.profile)},
                      {"profile_place", place_json(settings, made.admission.profile_place)},
                      {"old_tls", conf::word(listener.tls.old_tls)},
                      {"rule", made.admission.rule},
                      {"opens_required", made.admission.opens_required},
                      {"opens_island", made.admission.opens_island}};
  // A name of bytes that are no UTF-8 must not end the program.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

int explain(const ExplainRequest& request) {
  const auto loaded = conf::load_file(request.settings_path);
  std::cerr << conf::text_of(loaded.diagnostics);
  if (!loaded.settings) return 1;
  const auto login = login_of(request, *loaded.settings);
  if (!login) return kUsage;
  std::cout << (request.json ? explanation_json(*loaded.settings, *login)
                             : explanation_text(*loaded.settings, *login));
  return 0;
}

}  // namespace postern::commands
