// See policy.h.
#include "proxy/policy/policy.h"

#include <algorithm>
#include <cstdint>

#include "conf/lowest_versions.h"
#include "conf/prefixes.h"
#include "proxy/policy/user_pattern.h"

namespace postern::policy {

namespace {

using conf::Place;

bool is_over(const conf::Rule& rule, Moment now) {
  return rule.until && now >= *rule.until + std::chrono::days(1);
}

// All but the user.
Match match_client(const conf::Rule& rule, Moment now, const Client& client) {
  if (is_over(rule, now)) return Match::expired;
  const auto& listeners = rule.listeners;
  if (!listeners.empty() &&
      std::find(listeners.begin(), listeners.end(), client.listener) == listeners.end()) {
    return Match::other_listener;
  }
  if (!rule.from.empty() &&
      std::none_of(rule.from.begin(), rule.from.end(),
                   [&](const auto& prefix) { return conf::contains(prefix, client.address); })) {
    return Match::other_address;
  }
  return Match::matched;
}

Match match(const conf::Rule& rule, const Question& question) {
  const auto by_client = match_client(rule, question.now, question.client);
  if (by_client != Match::matched || rule.users.empty()) return by_client;
  switch (question.name) {
    case Name::awaited:
    case Name::hidden:
      return Match::user_unknown;
    case Name::unreadable:
      return Match::possible;
    case Name::known:
      break;
  }
  switch (is_one_of(rule.users, question.user)) {
    case Meant::yes:
      return Match::matched;
    case Meant::possibly:
      return Match::possible;
    case Meant::no:
      break;
  }
  return Match::other_user;
}

// FNV-1a, then the finish of SplitMix64, so that neighbouring names fall far apart. Every node of a
// fleet must come to the same, so no key enters.
class StableHash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) add_octet(static_cast<std::uint8_t>(c));
  }
  void add_octet(std::uint8_t octet) { state_ = (state_ ^ octet) * 0x100000001b3; }
  std::uint64_t value() const {
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

// Stable within an hour, so that who tries again later gets in; by the user where one is known.
bool is_in_share(conf::Share share, const Question& question) {
  StableHash hash;
  if (question.name == Name::known) {
    for (const char c : question.user) {
      hash.add_octet(static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
  } else {
    for (const auto octet : question.client.address) hash.add_octet(octet);
  }
  const auto hour = std::chrono::floor<std::chrono::hours>(question.now).time_since_epoch().count();
  for (int shift = 0; shift < 64; shift += 8) {
    hash.add_octet(static_cast<std::uint8_t>(static_cast<std::uint64_t>(hour) >> shift));
  }
  return hash.value() % conf::Share::kAll < share.value;
}

// A key and whether a rule states it.
template <class T>
struct Stated {
  std::optional<T> value;
  Place place;
  bool is_rules = false;
};

// What a login without TLS gets from `rule` and, for what that does not say, from `listener`.
struct CleartextPolicy {
  Stated<conf::CleartextLogin> login;
  Stated<conf::Date> from;
  Stated<conf::Share> share;

  CleartextPolicy(const conf::LoginPolicy& listener, const conf::LoginPolicy* rule) {
    if (rule != nullptr && rule->cleartext_login) {
      login = {rule->cleartext_login, rule->cleartext_login_place, true};
      from = {rule->refuse_from, rule->refuse_from_place, true};
      share = {rule->refuse_share, rule->refuse_share_place, true};
      return;
    }
    login = {listener.cleartext_login.value_or(conf::CleartextLogin::refuse),
             listener.cleartext_login_place, false};
    from = {listener.refuse_from, listener.refuse_from_place, false};
    share = {listener.refuse_share, listener.refuse_share_place, false};
    if (rule == nullptr) return;
    if (rule->refuse_from) from = {rule->refuse_from, rule->refuse_from_place, true};
    if (rule->refuse_share) share = {rule->refuse_share, rule->refuse_share_place, true};
  }
};

template <class T>
void refuse(Decision& decision, const Stated<T>& key) {
  decision.verdict = Verdict::refuse;
  decision.reason = key.is_rules ? Reason::rule : Reason::cleartext;
  decision.place = key.place;
}

void judge_cleartext(Decision& decision, const Question& question, const CleartextPolicy& policy) {
  if (policy.login.value == conf::CleartextLogin::refuse) {
    refuse(decision, policy.login);
  } else if (policy.from.value && question.now >= *policy.from.value) {
    refuse(decision, policy.from);
  } else if (policy.share.value && question.name != Name::awaited &&
             is_in_share(*policy.share.value, question)) {
    refuse(decision, policy.share);
    decision.is_by_share = true;
  } else {
    decision.place = policy.login.place;
    if (policy.login.value == conf::CleartextLogin::warn) decision.verdict = Verdict::warn;
  }
}

// By this rule and the listener; by the listener alone where there is none.
Decision judge_by(const conf::Settings& settings, const Question& question,
                  const Admission& admission, const conf::Rule* rule) {
  Decision decision;
  if (rule != nullptr) decision.rule = rule->name;
  if (question.security == Security::cleartext) {
    if (admission.tls_mode == conf::TlsMode::required ||
        admission.tls_mode == conf::TlsMode::implicit) {
      decision.verdict = Verdict::refuse;
      decision.reason = Reason::cleartext;
      decision.place = admission.tls_mode_place;
      return decision;
    }
    const auto& listener = settings.listeners[question.client.listener];
    judge_cleartext(decision, question,
                    CleartextPolicy(listener.logins, rule != nullptr ? &rule->logins : nullptr));
  } else if (question.tls_version && *question.tls_version < admission.min_version) {
    decision.verdict = Verdict::refuse;
    decision.reason = Reason::tls_version;
    decision.place = admission.min_version_place;
  }
  if (rule != nullptr && rule->needs_certificate && !question.has_certificate &&
      decision.verdict != Verdict::refuse) {
    decision.verdict = Verdict::refuse;
    decision.reason = Reason::certificate;
    decision.place = rule->certificate_place;
  }
  return decision;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::allow:
      return "allow";
    case Verdict::warn:
      return "warn";
    case Verdict::refuse:
      return "refuse";
  }
  __builtin_unreachable();
}

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::cleartext:
      return "cleartext";
    case Reason::tls_version:
      return "tls_version";
    case Reason::certificate:
      return "certificate";
    case Reason::rule:
      return "rule";
    case Reason::external:
      return "external_borrows_certificate";
    case Reason::audit:
      return "audit";
  }
  __builtin_unreachable();
}

namespace {

// What of it holds by now.
struct Lowest {
  conf::TlsVersion version{};
  Place place;
};
Lowest lowest_at(Moment now, const conf::Listener& listener, const conf::Rule* rule) {
  const auto versions = conf::lowest_versions(listener, rule);
  Lowest lowest{versions.version, versions.place};
  for (const auto& dated : versions.rising) {
    if (now >= dated.from && dated.version > lowest.version) lowest = {dated.version, dated.place};
  }
  return lowest;
}

// What another server would have to see to, and does not know of.
bool asks_for_more(const conf::Rule& rule, Moment now, const conf::Listener& listener) {
  return rule.needs_certificate ||
         (conf::states_versions(rule) &&
          lowest_at(now, listener, &rule).version > listener.tls.min_version);
}

bool may_splice(const conf::Settings& settings, Moment now, const Client& client) {
  const auto& listener = settings.listeners[client.listener];
  return listener.legacy_tls == conf::LegacyTls::splice &&
         std::none_of(settings.rules.begin(), settings.rules.end(), [&](const auto& rule) {
           return asks_for_more(rule, now, listener) &&
                  match_client(rule, now, client) == Match::matched;
         });
}

}  // namespace

Admission admit(const conf::Settings& settings, Moment now, const Client& client) {
  const auto& listener = settings.listeners[client.listener];
  Admission admission;
  admission.recognises_tls = listener.tls_mode == conf::TlsMode::automatic;
  admission.tls_mode = admission.recognises_tls ? conf::TlsMode::optional : listener.tls_mode;
  admission.profile = listener.tls.profile;
  admission.bare_newlines = listener.bare_newlines;
  admission.tls_mode_place = listener.tls_mode_place;
  admission.profile_place = listener.tls.profile_place;
  admission.may_splice = may_splice(settings, now, client);
  const auto rule = std::find_if(settings.rules.begin(), settings.rules.end(), [&](const auto& r) {
    return r.users.empty() && match_client(r, now, client) == Match::matched;
  });
  const bool has_rule = rule != settings.rules.end();
  const auto lowest = lowest_at(now, listener, has_rule ? &*rule : nullptr);
  admission.min_version = lowest.version;
  admission.min_version_place = lowest.place;
  if (!has_rule) return admission;
  admission.rule = rule->name;
  // A port on which the client speaks first in TLS stays one: nobody could tell it otherwise.
  if (rule->tls_mode && listener.tls_mode != conf::TlsMode::implicit) {
    admission.tls_mode = *rule->tls_mode;
    admission.tls_mode_place = rule->tls_mode_place;
    admission.opens_required = listener.tls_mode == conf::TlsMode::required &&
                               admission.tls_mode != conf::TlsMode::required;
  }
  if (rule->profile) {
    admission.profile = *rule->profile;
    admission.profile_place = rule->profile_place;
    admission.opens_island = *rule->profile == conf::Profile::legacy && !rule->from.empty();
  }
  if (rule->bare_newlines) admission.bare_newlines = *rule->bare_newlines;
  return admission;
}

Decision judge_login(const conf::Settings& settings, const Question& question, Path* path) {
  const auto admission = admit(settings, question.now, question.client);
  Path own;
  Path& looked_at = path != nullptr ? *path : own;
  looked_at.clear();
  std::optional<Decision> strictest;  // of the rules that may be meant
  std::size_t strictest_at = 0;
  const conf::Rule* matched = nullptr;
  for (const auto& rule : settings.rules) {
    const auto result = match(rule, question);
    looked_at.push_back({&rule, result});
    if (result == Match::matched) {
      matched = &rule;
      break;
    }
    if (result != Match::possible) continue;
    const auto decision = judge_by(settings, question, admission, &rule);
    if (strictest && decision.verdict <= strictest->verdict) continue;
    strictest = decision;
    strictest_at = looked_at.size();
  }
  const auto decision = judge_by(settings, question, admission, matched);
  if (!strictest || strictest->verdict <= decision.verdict) return decision;
  looked_at.resize(strictest_at);
  return *strictest;
}

bool may_depend_on_user(const conf::Settings& settings, const Question& question) {
  if (judge_login(settings, question).verdict != Verdict::refuse) return false;
  const auto admission = admit(settings, question.now, question.client);
  for (const auto& rule : settings.rules) {
    if (match_client(rule, question.now, question.client) != Match::matched) continue;
    // It takes every name, so that no later rule is ever asked.
    if (rule.users.empty()) return false;
    if (judge_by(settings, question, admission, &rule).verdict != Verdict::refuse) return true;
  }
  return false;
}

namespace {

// Those of the rule's days that change something for its clients on some listener, while it holds.
void add_rises(const conf::Settings& settings, const conf::Rule& rule,
               std::vector<DatedChange>& all) {
  if (!rule.min_version_from) return;
  const auto changes_something = [&](const conf::DatedVersion& dated) {
    if (rule.until && dated.from > *rule.until) return false;
    for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
      const auto& listener = settings.listeners[i];
      const auto& at = rule.listeners;
      const bool is_there = at.empty() || std::find(at.begin(), at.end(), i) != at.end();
      const bool is_clear = listener.tls_mode == conf::TlsMode::none &&
                            rule.tls_mode.value_or(conf::TlsMode::none) == conf::TlsMode::none;
      if (is_there && !is_clear && dated.version > conf::lowest_versions(listener, &rule).version) {
        return true;
      }
    }
    return false;
  };
  for (const auto& dated : *rule.min_version_from) {
    if (!changes_something(dated)) continue;
    all.push_back({DatedChange::Kind::version_rises, dated.from, rule.name, true, dated.place,
                   dated.version});
  }
}

}  // namespace

std::vector<DatedChange> dated_changes(const conf::Settings& settings) {
  using Kind = DatedChange::Kind;
  std::vector<DatedChange> all;
  for (const auto& listener : settings.listeners) {
    const auto& from = listener.logins.refuse_from;
    if (from) {
      all.push_back(
          {Kind::refusal_begins, *from, listener.name, false, listener.logins.refuse_from_place});
    }
    if (listener.tls_mode == conf::TlsMode::none) continue;
    for (const auto& dated : listener.tls.min_version_from) {
      if (dated.version <= listener.tls.min_version) continue;
      all.push_back(
          {Kind::version_rises, dated.from, listener.name, false, dated.place, dated.version});
    }
  }
  for (const auto& rule : settings.rules) {
    const auto& from = rule.logins.refuse_from;
    if (from && (!rule.until || *from <= *rule.until)) {  // else it has expired by then
      all.push_back({Kind::refusal_begins, *from, rule.name, true, rule.logins.refuse_from_place});
    }
    add_rises(settings, rule, all);
    if (rule.until) {
      all.push_back({Kind::rule_expires, *rule.until + std::chrono::days(1), rule.name, true,
                     rule.until_place});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.on < b.on; });
  return all;
}

}  // namespace postern::policy
