// See key_name.h.
#include "proxy/report/key_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace postern::report {

namespace {

std::string_view key_of(const conf::LoginPolicy& logins, const conf::Place& place) {
  const auto is_it = [&](const conf::Place& other) {
    return other.line == place.line && other.column == place.column;
  };
  if (is_it(logins.cleartext_login_place)) return "cleartext_login";
  if (is_it(logins.refuse_from_place)) return "refuse_from";
  if (is_it(logins.refuse_share_place)) return "refuse_share";
  return {};
}

bool is_day(const std::vector<conf::DatedVersion>& all, const conf::Place& place) {
  return std::any_of(all.begin(), all.end(), [&](const auto& dated) {
    return dated.place.line == place.line && dated.place.column == place.column;
  });
}

// Of what gives the lowest version.
std::string_view key_of(const conf::Tls& tls, const conf::Place& place) {
  const auto is_it = [&](const conf::Place& other) {
    return other.line == place.line && other.column == place.column;
  };
  if (is_day(tls.min_version_from, place)) return "min_version_from";
  if (!is_it(tls.min_version_place)) return {};
  return tls.is_min_version_implied ? "profile" : "min_version";
}

}  // namespace

std::string key_at(const conf::Settings& settings, const conf::Place& place) {
  if (place.line == 0) return "";
  const auto is_it = [&](const conf::Place& other) {
    return other.line == place.line && other.column == place.column;
  };
  for (const auto& rule : settings.rules) {
    auto key = key_of(rule.logins, place);
    if (is_it(rule.tls_mode_place)) key = "tls";
    if (is_it(rule.min_version_place)) key = "min_version";
    if (is_it(rule.profile_place)) key = "profile";
    if (rule.min_version_from && is_day(*rule.min_version_from, place)) key = "min_version_from";
    if (!key.empty()) return fmt::format("rules[{}].{}", rule.name, key);
  }
  if (const auto key = key_of(settings.tls, place); !key.empty()) return fmt::format("tls.{}", key);
  for (const auto& listener : settings.listeners) {
    auto key = key_of(listener.logins, place);
    if (is_it(listener.tls_mode_place)) key = "tls";
    if (key.empty()) key = key_of(listener.tls, place);
    if (!key.empty()) return fmt::format("listeners[{}].{}", listener.name, key);
  }
  return "";
}

}  // namespace postern::report
