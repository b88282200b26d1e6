// What is wrong between the rules.
#include "conf/check_rules.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/check_tls.h"
#include "conf/dates.h"
#include "conf/nearest.h"
#include "conf/reach.h"
#include "conf/shadows.h"
#include "conf/source.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

void find_listeners(Draft& draft, Findings& findings) {
  std::vector<std::string_view> names;
  bool all_known = true;
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    names.push_back(draft.settings.listeners[i].name);
    all_known = all_known && is_stated(draft.listeners[i].name);
  }
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    for (const auto& [name, place] : draft.rules[i].listeners) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found != names.end()) {
        draft.settings.rules[i].listeners.push_back(
            static_cast<std::size_t>(found - names.begin()));
        continue;
      }
      draft.rules[i].is_whole = false;
      if (names.empty() || !all_known) continue;  // it may be the one that was not valid
      const auto near = nearest(name, names);
      findings.error(place, "no listener " + shown(name) +
                                (near.empty() ? "; expected the name of one of `listeners`"
                                              : "; did you mean " + shown(near) + "?"));
    }
  }
}

// Events name the rule that gave a verdict, and `listener` where none did.
void check_names(const Draft& draft, Findings& findings) {
  std::unordered_map<std::string_view, Place> seen;
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    const Place place = draft.rules[i].name;
    if (!is_stated(place)) continue;
    const auto& name = draft.settings.rules[i].name;
    if (name == "listener") {
      findings.error(place,
                     "a rule named `listener`; expected another name: events say so where no rule "
                     "matched");
      continue;
    }
    const auto [first, is_new] = seen.emplace(name, place);
    if (!is_new)
      findings.error(place, "rule " + shown(name) + " stands on " + on_line(first->second) +
                                " already; expected a name of its own");
  }
}

// Whether its min_version is what its profile brings.
bool is_implied(const Rule& rule) {
  return is_stated(rule.profile_place) && rule.min_version_place.line == rule.profile_place.line &&
         rule.min_version_place.column == rule.profile_place.column;
}

// What holds from a connection's first byte on cannot depend on a name that comes later.
void check_users(const Rule& rule, const RulePlaces& places, Findings& findings) {
  if (!places.names_users) return;
  const auto refuse = [&](Place place, std::string_view key) {
    if (is_stated(place))
      findings.error(place, "`" + std::string(key) +
                                "` with `users` can never act: it holds before a name is known; "
                                "expected it in a rule without `users`");
  };
  refuse(rule.tls_mode_place, "tls");
  if (!is_implied(rule)) refuse(rule.min_version_place, "min_version");
  refuse(rule.min_version_from_place, "min_version_from");
  refuse(rule.profile_place, "profile");
  refuse(places.bare_newlines, "bare_newlines");
}

// One rule with the listeners that it is for.
class RuleCheck {
 public:
  RuleCheck(const Draft& draft, std::size_t index, Findings& findings)
      : draft_(draft),
        rule_(draft.settings.rules[index]),
        places_(draft.rules[index]),
        findings_(findings) {
    for (std::size_t i = 0; i < draft.settings.listeners.size(); ++i)
      if (is_for(rule_, i)) listeners_.push_back(i);
  }

  void run() const {
    check_version();
    check_rising();
    check_tls_keys();
    check_certificate();
    check_login_keys();
  }

 private:
  const Listener& listener(std::size_t index) const { return draft_.settings.listeners[index]; }

  // Whether `holds` for each of the listeners; not where one of them is not valid.
  template <class Condition>
  bool each(Condition holds) const {
    return std::all_of(listeners_.begin(), listeners_.end(), [&](std::size_t index) {
      const auto& places = draft_.listeners[index];
      return is_stated(places.tls_mode) && is_stated(places.protocol) && holds(index);
    });
  }

  void warn(Place place, std::string_view key, std::string_view why) const {
    if (is_stated(place))
      findings_.warning(place, std::string(key) + " never acts" + std::string(why));
  }

  void check_version() const {
    if (!rule_.min_version) return;
    for (const auto index : listeners_) {
      const Listener& one = listener(index);
      if (has_no_tls(index) || *rule_.min_version <= one.tls.max_version) continue;
      return findings_.error(
          rule_.min_version_place,
          is_implied(rule_) ? "`profile: modern` is for TLS 1.3, above max_version of listener " +
                                  shown(one.name) + "; expected another profile"
                            : "min_version is above max_version of listener " + shown(one.name) +
                                  "; expected one that is not above it");
    }
  }

  // An end that is above no listener's max_version, and rises above what holds on one of them at least.
  void check_rising() const {
    if (!rule_.min_version_from || rule_.min_version_from->empty()) return;
    const Listener* lowest = nullptr;
    for (const auto index : listeners_) {
      const Listener& one = listener(index);
      if (has_no_tls(index)) continue;
      if (lowest == nullptr || one.tls.min_version < lowest->tls.min_version) lowest = &one;
      for (const auto& dated : *rule_.min_version_from) {
        if (dated.version <= one.tls.max_version) continue;
        return findings_.error(
            dated.place, rise_text(dated) + " is above max_version of listener " + shown(one.name) +
                             "; expected one that is not above it");
      }
    }
    if (lowest == nullptr) return;
    const DatedVersion* before = nullptr;
    for (const auto& dated : *rule_.min_version_from) {
      const auto version =
          before == nullptr ? rule_.min_version.value_or(lowest->tls.min_version) : before->version;
      if (dated.version <= version || (before != nullptr && dated.from == before->from))
        return findings_.error(dated.place, raises_nothing_text(dated, version));
      if (rule_.until && dated.from > *rule_.until)
        return findings_.warning(
            dated.place,
            rise_text(dated) + " never acts: the rule holds until " + date_text(*rule_.until));
      before = &dated;
    }
  }

  // An `auto` listener takes TLS from the first byte whatever a rule says.
  bool has_no_tls(std::size_t index) const {
    return mode_of(rule_, listener(index)) == TlsMode::none &&
           listener(index).tls_mode != TlsMode::automatic;
  }

  void check_tls_keys() const {
    constexpr std::string_view kNoTls = ": its clients have no TLS";
    if (each([&](std::size_t i) { return listener(i).tls_mode == TlsMode::implicit; }))
      warn(rule_.tls_mode_place, "tls", ": TLS begins at once on its listeners");
    else if (each([&](std::size_t i) {
               return mode_of(rule_, listener(i)) == TlsMode::none &&
                      listener(i).tls_mode == TlsMode::none;
             }))
      warn(rule_.tls_mode_place, "tls", ": its listeners have no TLS");
    if (each([&](std::size_t i) { return has_no_tls(i); })) {
      if (!is_implied(rule_)) warn(rule_.min_version_place, "min_version", kNoTls);
      warn(rule_.min_version_from_place, "min_version_from", kNoTls);
      warn(rule_.profile_place, "profile", kNoTls);
    } else if (rule_.profile == Profile::legacy && each([&](std::size_t i) {
                 return rule_.min_version.value_or(listener(i).tls.min_version) ==
                        TlsVersion::tls1_3;
               })) {
      warn(rule_.profile_place, "profile",
           " with TLS 1.3 alone, whose suites are the same in all; expected min_version beside it");
    }
    check_deaf_greeting();
    if (each([&](std::size_t i) { return !is_mail(listener(i).protocol); }))
      warn(places_.bare_newlines, "bare_newlines", " outside smtp and submission");
  }

  // There the greeting is postern's own, which no backend delays: behind it comes no TLS but by STARTTLS.
  void check_deaf_greeting() const {
    if (rule_.tls_mode != TlsMode::required) return;
    for (const auto index : listeners_) {
      const Listener& one = listener(index);
      if (one.tls_mode != TlsMode::automatic || one.auto_wait.count() > 0) continue;
      return findings_.warning(
          rule_.tls_mode_place,
          "`tls: required` takes no TLS from the first byte on listener " + shown(one.name) +
              ", which greets at once with `auto_wait: 0ms`; expected a longer "
              "auto_wait there");
    }
  }

  // Logins that no client could get through, on all of its listeners or on one.
  void check_certificate() const {
    if (!rule_.needs_certificate || !draft_.tls.are_clients_whole ||
        !each([&](std::size_t i) { return draft_.listeners[i].tls.are_clients_whole; }))
      return;
    const auto is_deaf = [&](std::size_t i) {
      return listener(i).tls.client_certificates == ClientCertificates::none ||
             !may_have_tls(draft_, i);
    };
    const auto deaf = std::find_if(listeners_.begin(), listeners_.end(), is_deaf);
    if (deaf == listeners_.end()) return;
    if (std::all_of(deaf, listeners_.end(), is_deaf) && deaf == listeners_.begin())
      return findings_.error(rule_.certificate_place,
                             "`certificate: required` can never be met: none of its listeners asks "
                             "for one; expected client_certificates request or require there");
    findings_.warning(rule_.certificate_place,
                      "listener " + shown(listener(*deaf).name) +
                          " asks for no certificate, so that no login which this rule matches is "
                          "taken there; expected client_certificates request or require, or "
                          "`listeners` without it");
  }

  // A rule for users has the mode of the listener, or of a rule without users.
  bool may_be_clear_by_rule(std::size_t index) const {
    return places_.names_users ? may_be_clear(draft_, index)
                               : is_clear(mode_of(rule_, listener(index)));
  }

  void check_login_keys() const {
    const LoginPolicy& logins = rule_.logins;
    const auto warn_dated = [&](std::string_view why) {
      warn(logins.refuse_from_place, "refuse_from", why);
      warn(logins.refuse_share_place, "refuse_share", why);
    };
    if (rule_.needs_certificate) {
      constexpr std::string_view kWhy =
          " with `certificate: required`: no login passes without TLS";
      warn(logins.cleartext_login_place, "cleartext_login", kWhy);
      warn_dated(kWhy);
    } else if (each([&](std::size_t i) { return !may_be_clear_by_rule(i); })) {
      constexpr std::string_view kWhy = ": no login comes without TLS there";
      warn(logins.cleartext_login_place, "cleartext_login", kWhy);
      warn_dated(kWhy);
    } else if (logins.cleartext_login == CleartextLogin::refuse) {
      warn_dated(" with `cleartext_login: refuse`");
    } else if (each([&](std::size_t i) {
                 return cleartext_login_of(rule_, listener(i)) == CleartextLogin::refuse;
               })) {
      warn_dated(" with `cleartext_login: refuse`, which its listeners have");
    }
  }

  const Draft& draft_;
  const Rule& rule_;
  const RulePlaces& places_;
  Findings& findings_;
  std::vector<std::size_t> listeners_;
};

void check_shadows(const Draft& draft, Findings& findings) {
  for (const auto& [hidden, by] : shadows(draft)) {
    const Place place = draft.rules[hidden].name;
    if (!is_stated(place)) continue;
    findings.warning(place, "rule " + shown(draft.settings.rules[hidden].name) +
                                " never acts: rule " + shown(draft.settings.rules[by].name) +
                                " on " + on_line(draft.settings.rules[by].place) +
                                " matches before it");
  }
}

}  // namespace

void check_rules(Draft& draft, Findings& findings) {
  find_listeners(draft, findings);
  check_names(draft, findings);
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    check_users(draft.settings.rules[i], draft.rules[i], findings);
    check_island(draft.settings.rules[i], draft.rules[i], findings);
    if (draft.rules[i].is_whole) RuleCheck(draft, i, findings).run();
  }
  check_shadows(draft, findings);
}

}  // namespace postern::conf
