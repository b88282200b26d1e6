// The section `rules`.
#include "conf/rules_section.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/dates.h"
#include "conf/keys.h"
#include "conf/prefixes.h"
#include "conf/shares.h"
#include "conf/source.h"
#include "conf/tls_section.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

constexpr std::string_view kPrefixesExpected = "a list of networks, such as [\"192.0.2.64/28\"]";
constexpr std::string_view kListenersExpected = "a list of listeners' names, such as [imap]";
constexpr std::string_view kUsersExpected = "a list of users' names, such as [\"svc-*\"]";

template <class T, class Parse>
Place read_into(const Fields& fields, std::string_view key, Parse parse, std::optional<T>& out) {
  T value{};
  const Place place = fields.read(key, parse, value);
  if (place.line > 0) out = value;
  return place;
}

template <class T, std::size_t n>
Place choose_into(const Fields& fields, std::string_view key, const Choice<T> (&choices)[n],
                  std::optional<T>& out) {
  T value{};
  const Place place = fields.choose(key, choices, value);
  if (place.line > 0) out = value;
  return place;
}

// Text of 1 to `longest` octets on one line, in UTF-8.
bool is_short_line(std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest) return false;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0 || is_control(text)) return false;
    text.remove_prefix(length);
  }
  return true;
}

Parsed<std::string> parse_pattern(std::string_view text) {
  if (!is_short_line(text, kLongestPattern))
    return {{}, "a name of at most 256 octets, in which `*` stands for any characters"};
  std::string pattern(text);
  std::transform(pattern.begin(), pattern.end(), pattern.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return {std::move(pattern), ""};
}

Parsed<std::string> parse_note(std::string_view text) {
  if (!is_short_line(text, kLongestNote)) return {{}, "text of at most 256 octets on one line"};
  return {std::string(text), ""};
}

// What a key restricts a rule to. An empty list would restrict it to nobody, and stands for
// everybody in Rule: it is refused, and so is what has an item that is not valid.
template <class T, class Parse, class Take>
bool read_scope(const Fields& fields, std::string_view key, std::string_view expected,
                std::size_t most, Parse parse, Take take) {
  const auto list = fields.find(key);
  if (!list) return true;
  const auto items = list->items(expected, most);
  bool is_whole = !items.empty();
  for (const auto& item : items) {
    auto value = item.template parsed<T>(parse);
    if (value)
      take(std::move(*value), item.place());
    else
      is_whole = false;
  }
  return is_whole;
}

bool states_nothing(const Rule& rule) {
  return !rule.tls_mode && !rule.min_version && !rule.min_version_from && !rule.profile &&
         !rule.bare_newlines && !rule.needs_certificate && !rule.logins.cleartext_login &&
         !rule.logins.refuse_from && !rule.logins.refuse_share;
}

// Whether one of the keys by which a rule says something stands there, valid or not.
bool has_statement(const Fields& fields) {
  constexpr std::string_view kStatements[] = {"tls",           "min_version", "profile",
                                              "bare_newlines", "refuse_from", "cleartext_login",
                                              "refuse_share",  "certificate", "min_version_from"};
  return std::any_of(std::begin(kStatements), std::end(kStatements),
                     [&](std::string_view key) { return fields.find(key).has_value(); });
}

void read_rule(const Value& value, Draft& draft) {
  const auto fields = value.fields("a mapping with name and what holds by it", kRuleKeys);
  if (!fields) return;
  Rule rule;
  RulePlaces places;
  rule.place = value.place();
  places.name = fields->read_needed("name", "a name for logs and events", parse_name, rule.name);
  places.is_whole = read_scope<Prefix>(*fields, "from", kPrefixesExpected, kMostPrefixes,
                                       parse_prefix, [&](Prefix prefix, Place place) {
                                         rule.from.push_back(prefix);
                                         places.from.push_back(place);
                                       });
  places.is_whole &=
      read_scope<std::string>(*fields, "listeners", kListenersExpected, kMostListeners, parse_name,
                              [&](std::string name, Place place) {
                                places.listeners.push_back({std::move(name), place});
                              });
  places.is_whole &= read_scope<std::string>(
      *fields, "users", kUsersExpected, kMostUsers, parse_pattern,
      [&](std::string pattern, Place) { rule.users.push_back(std::move(pattern)); });
  places.names_users = fields->find("users").has_value();
  rule.tls_mode_place = choose_into(*fields, "tls", kRuleTlsModes, rule.tls_mode);
  rule.min_version_place = choose_into(*fields, "min_version", kTlsVersions, rule.min_version);
  if (const auto dated = fields->find("min_version_from")) {
    rule.min_version_from_place = dated->place();
    read_dated_versions(*dated, rule.min_version_from.emplace());
  }
  rule.certificate_place = fields->choose("certificate", kRuleCertificates, rule.needs_certificate);
  rule.profile_place = choose_into(*fields, "profile", kProfiles, rule.profile);
  if (rule.profile == Profile::modern && !fields->find("min_version")) {
    rule.min_version = TlsVersion::tls1_3;
    rule.min_version_place = rule.profile_place;
  }
  places.bare_newlines = choose_into(*fields, "bare_newlines", kBareNewlines, rule.bare_newlines);
  read_login_policy(*fields, rule.logins);
  rule.until_place = read_into(*fields, "until", parse_date, rule.until);
  fields->read("owner", parse_note, rule.owner);
  fields->read("reason", parse_note, rule.reason);
  if (states_nothing(rule) && !has_statement(*fields))
    value.error(
        "says nothing; expected tls, min_version, min_version_from, profile, bare_newlines, "
        "certificate, cleartext_login, refuse_from or refuse_share");
  // An end that cannot be read is none of its own: it could be any.
  places.is_whole &= !fields->find("until") || rule.until;
  draft.settings.rules.push_back(std::move(rule));
  draft.rules.push_back(std::move(places));
}

}  // namespace

void read_rules(const Value& value, Draft& draft) {
  if (value.is_empty_list()) return;
  for (const auto& item : value.items("a list of rules", kMostRules)) read_rule(item, draft);
}

void read_login_policy(const Fields& fields, LoginPolicy& logins) {
  logins.cleartext_login_place =
      choose_into(fields, "cleartext_login", kCleartextLogins, logins.cleartext_login);
  logins.refuse_from_place = read_into(fields, "refuse_from", parse_date, logins.refuse_from);
  logins.refuse_share_place = read_into(fields, "refuse_share", parse_share, logins.refuse_share);
}

}  // namespace postern::conf
