// See what_if.h.
#include "proxy/report/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "conf/prefixes.h"
#include "proxy/report/tls_use.h"

namespace postern::report {

namespace {

using conf::TlsVersion;
using policy::Security;

struct Version {
  TlsVersion version;
  std::uint16_t number;  // on the wire
  std::string_view name;
};
constexpr auto kVersions = std::to_array<Version>({
    {TlsVersion::tls1_0, 0x0301, "1.0"},
    {TlsVersion::tls1_1, 0x0302, "1.1"},
    {TlsVersion::tls1_2, 0x0303, "1.2"},
    {TlsVersion::tls1_3, 0x0304, "1.3"},
});

std::string_view name_of_version(TlsVersion version) {
  return std::find_if(kVersions.begin(), kVersions.end(),
                      [&](const auto& v) { return v.version == version; })
      ->name;
}

std::optional<Security> security_of(std::string_view name) {
  if (name == "cleartext") return Security::cleartext;
  if (name == "starttls") return Security::starttls;
  if (name == "implicit") return Security::implicit;
  return std::nullopt;
}

// The versions that the client can do: as it offered, else what it negotiated.
std::vector<TlsVersion> offered_versions(const SeenLogin& login) {
  std::vector<TlsVersion> versions;
  const auto numbers = numbers_of(login.versions);
  for (const auto& version : kVersions) {
    const bool is_offered = numbers.empty() ? login.tls_version == version.name
                                            : std::find(numbers.begin(), numbers.end(),
                                                        version.number) != numbers.end();
    if (is_offered) versions.push_back(version.version);
  }
  return versions;
}

// TLS 1.3 has suites of its own (RFC 8446 appendix B.4), no other version takes them.
bool is_of(std::uint16_t suite, TlsVersion version) {
  return ((suite & 0xff00) == 0x1300) == (version == TlsVersion::tls1_3);
}

// No share is left to chance: the parts that refuse_share takes are told apart from the rest.
conf::Settings with_share(conf::Settings settings, unsigned value) {
  const auto set = [&](conf::LoginPolicy& logins) {
    if (logins.refuse_share && logins.refuse_share->value > 0 &&
        logins.refuse_share->value < conf::Share::kAll) {
      logins.refuse_share->value = value;
    }
  };
  for (auto& listener : settings.listeners) set(listener.logins);
  for (auto& rule : settings.rules) set(rule.logins);
  return settings;
}

conf::Share share_at(const conf::Settings& settings, const conf::Place& place) {
  const auto is_there = [&](const conf::LoginPolicy& logins) {
    return logins.refuse_share && logins.refuse_share_place.line == place.line &&
           logins.refuse_share_place.column == place.column;
  };
  for (const auto& listener : settings.listeners) {
    if (is_there(listener.logins)) return *listener.logins.refuse_share;
  }
  for (const auto& rule : settings.rules) {
    if (is_there(rule.logins)) return *rule.logins.refuse_share;
  }
  return {conf::Share::kAll};
}

// The settings thrice: as they are, with every share refused, with none.
struct Judge {
  explicit Judge(const WhatIfRequest& asked)
      : request(asked),
        all_refused(with_share(*asked.next, conf::Share::kAll)),
        none_refused(with_share(*asked.next, 0)) {}

  Judgement operator()(const SeenLogin& login) const;

  const WhatIfRequest& request;
  conf::Settings all_refused;
  conf::Settings none_refused;
};

void refuse(Judgement& judgement, std::string_view reason, const conf::Place& place) {
  judgement.outcome = Outcome::refused;
  judgement.reason = reason;
  judgement.place = place;
}

// Rules that could not be put to the test, because this much of the login is not kept.
void reserve(Judgement& judgement, const conf::Settings& settings, const policy::Path& path,
             const SeenLogin& login, const conf::Prefix& address) {
  for (const auto& step : path) {
    if (login.user_is_hash && step.match == policy::Match::user_unknown) {
      judgement.reservations.push_back(fmt::format(
          "rule {} is for users, and this one is known by a hash only", step.rule->name));
    }
  }
  if (address.length == 128) return;
  // A rule with a longer prefix may hold for a part of what this row stands for.
  for (const auto& rule : settings.rules) {
    for (const auto& prefix : rule.from) {
      if (prefix.length > address.length && overlap(prefix, address)) {
        judgement.reservations.push_back(
            fmt::format("rule {} is for {}, and of this address only its /64 is kept", rule.name,
                        conf::prefix_text(prefix)));
      }
    }
  }
}

void judge_cleartext(Judgement& judgement, const Judge& judge, const policy::Question& question) {
  const auto strict = policy::judge_login(judge.all_refused, question);
  const auto mild = policy::judge_login(judge.none_refused, question);
  judgement.outcome = mild.verdict == policy::Verdict::warn ? Outcome::warned : Outcome::allowed;
  judgement.place = mild.place;
  if (mild.verdict == policy::Verdict::refuse) {
    refuse(judgement, policy::name_of(mild.reason), mild.place);
  } else if (strict.verdict == policy::Verdict::refuse) {
    refuse(judgement, policy::name_of(strict.reason), strict.place);
    judgement.outcome = Outcome::in_part;
    judgement.share = share_at(*judge.request.next, strict.place);
  }
}

// Picks the version as a server does, the highest of both, and then asks the policy and the suites.
void judge_tls(Judgement& judgement, const Judge& judge, policy::Question question,
               const policy::Admission& admission, const SeenLogin& login) {
  const auto& settings = *judge.request.next;
  const auto& listener = settings.listeners[question.client.listener];
  if (question.security == Security::starttls && (admission.tls_mode == conf::TlsMode::none ||
                                                  admission.tls_mode == conf::TlsMode::implicit)) {
    return refuse(judgement, "no_starttls", admission.tls_mode_place);
  }
  if (question.security == Security::implicit && admission.tls_mode != conf::TlsMode::implicit &&
      !admission.recognises_tls) {
    return refuse(judgement, "no_implicit_tls", admission.tls_mode_place);
  }
  auto versions = offered_versions(login);
  if (versions.empty()) {
    judgement.outcome = Outcome::unknown;
    judgement.reason = "tls_version";
    return;
  }
  std::erase_if(versions, [&](auto version) { return version > listener.tls.max_version; });
  if (versions.empty()) return refuse(judgement, "tls_version", {});  // only what is newer
  question.tls_version = versions.back();
  judgement.tls_version = name_of_version(versions.back());
  const auto decision = policy::judge_login(settings, question);
  judgement.place = decision.place;
  if (decision.reason == policy::Reason::certificate) {
    judgement.outcome = Outcome::unknown;
    judgement.reason = policy::name_of(decision.reason);
    judgement.reservations.push_back(fmt::format(
        "rule {} needs a client certificate, and whether this client has one is not kept",
        decision.rule));
    return;
  }
  if (decision.verdict == policy::Verdict::refuse) {
    return refuse(judgement, policy::name_of(decision.reason), decision.place);
  }
  const auto& wanted = judge.request.suites;
  if (wanted.empty()) return;
  const auto offered = numbers_of(login.ciphers);
  if (offered.empty()) {
    judgement.outcome = Outcome::unknown;
    judgement.reason = "suites";
    judgement.reservations.emplace_back("what suites its ClientHello offered is not kept");
    return;
  }
  const bool has_one = std::any_of(wanted.begin(), wanted.end(), [&](auto suite) {
    return std::find(offered.begin(), offered.end(), suite) != offered.end() &&
           is_of(suite, versions.back());
  });
  if (!has_one) refuse(judgement, "suites", {});
}

Judgement Judge::operator()(const SeenLogin& login) const {
  Judgement judgement;
  judgement.rule = policy::kNoRule;
  const auto& settings = *request.next;
  const auto listener =
      std::find_if(settings.listeners.begin(), settings.listeners.end(),
                   [&](const auto& candidate) { return candidate.name == login.listener; });
  if (listener == settings.listeners.end()) {
    judgement.outcome = Outcome::gone;
    judgement.reason = "listener";
    return judgement;
  }
  const auto address = parse_stored_address(login.address);
  const auto security = security_of(login.security);
  if (!address || !security) {
    judgement.outcome = Outcome::unknown;
    judgement.reason = "no_details";
    return judgement;
  }
  policy::Question question;
  question.now = request.at;
  question.client = {static_cast<std::size_t>(listener - settings.listeners.begin()),
                     address->address};
  question.security = *security;
  const bool is_named = !login.user_is_hash && !login.user.empty();
  question.name = is_named ? policy::Name::known : policy::Name::hidden;
  if (is_named) question.user = login.user;

  const auto admission = policy::admit(settings, question.now, question.client);
  if (question.security == Security::cleartext) {
    judge_cleartext(judgement, *this, question);
  } else {
    judge_tls(judgement, *this, question, admission, login);
  }
  policy::Path path;
  judgement.rule = policy::judge_login(settings, question, &path).rule;
  reserve(judgement, settings, path, login, *address);
  return judgement;
}

SeenLogin login_of(const inventory::Statement& row) {
  SeenLogin login;
  login.user = row.text(0);
  login.user_is_hash = row.integer(1) != 0;
  login.listener = row.text(2);
  login.address = row.text(3);
  login.software = row.text(4);
  login.security = row.text(5);
  login.tls_version = row.text(6);
  login.cipher = row.text(7);
  login.versions = row.text(8);
  login.ciphers = row.text(9);
  login.mechanism = row.text(10);
  login.successes = row.integer(11);
  login.failures = row.integer(12);
  login.refused = row.integer(13);
  login.last = Moment(std::chrono::milliseconds(row.integer(14)));
  return login;
}

bool is_let_in(const Judgement& judgement) {
  return judgement.outcome == Outcome::allowed || judgement.outcome == Outcome::warned;
}

// Who can do better: by user and program, and by address and program. A program without a name
// proves nothing: two devices may share it.
void mark_better(std::vector<WhatIfRow>& rows) {
  std::set<std::tuple<bool, std::string, std::string>> users;
  std::set<std::pair<std::string, std::string>> devices;
  for (const auto& [login, judgement, better] : rows) {
    if (login.security == "cleartext" || login.successes == 0 || login.software.empty() ||
        !is_let_in(judgement)) {
      continue;
    }
    if (!login.user.empty()) users.emplace(login.user_is_hash, login.user, login.software);
    devices.emplace(login.address, login.software);
  }
  for (auto& [login, judgement, better] : rows) {
    if (is_let_in(judgement) || login.software.empty()) continue;
    better = users.contains({login.user_is_hash, login.user, login.software}) ||
             devices.contains({login.address, login.software});
  }
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::refused:
      return "refuse";
    case Outcome::in_part:
      return "in part";
    case Outcome::unknown:
      return "unknown";
    case Outcome::gone:
      return "gone";
    case Outcome::warned:
      return "warn";
    case Outcome::allowed:
      return "allow";
  }
  __builtin_unreachable();
}

std::string best_version(const SeenLogin& login) {
  const auto versions = offered_versions(login);
  return versions.empty() ? login.tls_version : std::string(name_of_version(versions.back()));
}

Judgement judge(const WhatIfRequest& request, const SeenLogin& login) {
  return Judge(request)(login);
}

std::vector<WhatIfRow> ask_what_if(Reader& reader, const WhatIfRequest& request) {
  std::vector<WhatIfRow> rows;
  if (!reader.error().empty()) return rows;
  using inventory::Statement;
  auto prepared = reader.database().prepare(
      "SELECT user, user_is_hash, listener, address, software, security, tls_version, cipher, "
      "COALESCE(f.versions, '') AS versions, COALESCE(f.ciphers, '') AS ciphers, mechanism, "
      "SUM(successes), SUM(failures), SUM(refused), MAX(k.last_seen) "
      "FROM kind k LEFT JOIN main.fingerprint f ON f.ja4 = k.ja4 "
      "GROUP BY user, user_is_hash, listener, address, software, security, tls_version, cipher, "
      "f.versions, f.ciphers, mechanism "
      "ORDER BY SUM(successes) DESC, MAX(k.last_seen) DESC, user, address, listener, software");
  auto* const statement = std::get_if<Statement>(&prepared);
  if (statement == nullptr) {
    reader.note(std::get<std::string>(prepared));
    return rows;
  }
  const Judge judge(request);
  auto step = statement->step();
  for (; step == Statement::Step::row; step = statement->step()) {
    auto login = login_of(*statement);
    auto judgement = judge(login);
    rows.push_back({std::move(login), std::move(judgement)});
  }
  if (step == Statement::Step::failed) reader.note(reader.database().error());
  mark_better(rows);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    // What only failed is mostly a stranger's guess: last.
    const auto rank = [](const auto& row) {
      const bool only_failed = row.login.successes + row.login.refused == 0;
      return std::pair(row.judgement.outcome, only_failed);
    };
    return rank(a) < rank(b);
  });
  return rows;
}

}  // namespace postern::report
