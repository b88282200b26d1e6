// The policy, a row a rule.
#include "proxy/policy/policy.h"

#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conf/dates.h"
#include "conf/prefixes.h"

using namespace postern;
using conf::BareNewlines;
using conf::CleartextLogin;
using conf::TlsMode;
using conf::TlsVersion;
using policy::Match;
using policy::Name;
using policy::Reason;
using policy::Security;
using policy::Verdict;

namespace {

constexpr auto kObserve = CleartextLogin::observe;
constexpr auto kWarn = CleartextLogin::warn;
constexpr auto kRefuse = CleartextLogin::refuse;

policy::Moment at(std::string_view text) { return conf::parse_moment(text).value.value(); }

conf::Date day(std::string_view text) { return conf::parse_date(text).value.value(); }

policy::Client from(std::string_view address, std::size_t listener = 0) {
  return {listener, conf::parse_address_octets(address).value.value()};
}

// Each key stands on a line of its own, so that a place names it.
enum Line {
  login_line = 1,
  from_line,
  share_line,
  mode_line,
  version_line,
  until_line,
  certificate_line
};
conf::Place place(std::size_t owner, Line line) { return {static_cast<int>(owner * 10) + line, 1}; }

void state(conf::LoginPolicy& logins, std::size_t owner, CleartextLogin login) {
  logins.cleartext_login = login;
  logins.cleartext_login_place = place(owner, login_line);
}
void refuse_from(conf::LoginPolicy& logins, std::size_t owner, std::string_view date) {
  logins.refuse_from = day(date);
  logins.refuse_from_place = place(owner, from_line);
}
void refuse_share(conf::LoginPolicy& logins, std::size_t owner, unsigned value) {
  logins.refuse_share = conf::Share{value};
  logins.refuse_share_place = place(owner, share_line);
}

// One listener, owner 0 of places; rules are owners 1, 2 …
conf::Settings settings(TlsMode mode, std::optional<CleartextLogin> login = {}) {
  conf::Settings made;
  auto& listener = made.listeners.emplace_back();
  listener.name = "in";
  listener.tls_mode = mode;
  listener.tls_mode_place = place(0, mode_line);
  if (login) state(listener.logins, 0, *login);
  return made;
}

conf::Rule& add(conf::Settings& to, std::vector<std::string> users = {},
                std::optional<CleartextLogin> login = {}) {
  auto& rule = to.rules.emplace_back();
  rule.name = "r" + std::to_string(to.rules.size());
  rule.users = std::move(users);
  if (login) state(rule.logins, to.rules.size(), *login);
  return rule;
}

policy::Question clear(std::string_view user, std::string_view when = "2026-11-25T12:00Z",
                       std::string_view address = "192.0.2.7") {
  return {at(when), from(address), Security::cleartext, {}, Name::known, user};
}

policy::Question nameless(Name name) {
  auto question = clear("");
  question.name = name;
  return question;
}

Verdict verdict(const conf::Settings& settings, const policy::Question& question) {
  return judge_login(settings, question).verdict;
}

// "user-0" … as many as there are.
std::size_t refused_of(const conf::Settings& settings, int count, std::string_view when) {
  std::size_t refused = 0;
  for (int i = 0; i < count; ++i) {
    const auto name = "user-" + std::to_string(i);
    const auto decision = judge_login(settings, clear(name, when));
    refused += decision.verdict == Verdict::refuse;
    REQUIRE(decision.is_by_share == (decision.verdict == Verdict::refuse));
  }
  return refused;
}

}  // namespace

TEST_CASE("cleartext_login decides about logins without TLS, and about no others") {
  struct Row {
    CleartextLogin setting;
    Security security;
    Verdict verdict;
  };
  for (const auto& row : {Row{kObserve, Security::cleartext, Verdict::allow},
                          Row{kWarn, Security::cleartext, Verdict::warn},
                          Row{kRefuse, Security::cleartext, Verdict::refuse},
                          Row{kRefuse, Security::starttls, Verdict::allow},
                          Row{kRefuse, Security::implicit, Verdict::allow},
                          Row{kWarn, Security::starttls, Verdict::allow}}) {
    const auto one = settings(TlsMode::optional, row.setting);
    auto question = clear("u");
    question.security = row.security;
    const auto decision = judge_login(one, question);
    REQUIRE(decision.verdict == row.verdict);
    REQUIRE((decision.reason == Reason::cleartext) == (row.verdict == Verdict::refuse));
    REQUIRE(decision.rule == "listener");
  }
  REQUIRE(verdict(settings(TlsMode::optional), clear("u")) == Verdict::refuse);
  REQUIRE(judge_login(settings(TlsMode::optional), clear("u")).place.line == 0);
}

TEST_CASE("without TLS where it must be is a refusal, by the key that asks for it") {
  for (const auto mode : {TlsMode::required, TlsMode::implicit}) {
    const auto decision = judge_login(settings(mode, kObserve), clear("u"));
    REQUIRE(decision.verdict == Verdict::refuse);
    REQUIRE(decision.reason == Reason::cleartext);
    REQUIRE(decision.place.line == place(0, mode_line).line);
  }
}

TEST_CASE("the first rule that matches holds, and what it does not say is the listener's") {
  auto one = settings(TlsMode::optional, kObserve);
  add(one, {"bob"}, kWarn);
  add(one, {"b*"}, kRefuse);
  add(one, {"carol"});
  const auto bob = judge_login(one, clear("bob"));
  REQUIRE(bob.verdict == Verdict::warn);
  REQUIRE(bob.rule == "r1");
  REQUIRE(bob.place.line == place(1, login_line).line);
  const auto ben = judge_login(one, clear("ben"));
  REQUIRE(ben.verdict == Verdict::refuse);
  REQUIRE(ben.reason == Reason::rule);
  REQUIRE(ben.rule == "r2");
  const auto carol = judge_login(one, clear("carol"));
  REQUIRE(carol.verdict == Verdict::allow);
  REQUIRE(carol.rule == "r3");
  REQUIRE(carol.place.line == place(0, login_line).line);
  REQUIRE(judge_login(one, clear("dora")).rule == "listener");
}

TEST_CASE("a rule that states cleartext_login is touched only by its own refuse_from and share") {
  auto one = settings(TlsMode::optional, kObserve);
  refuse_from(one.listeners[0].logins, 0, "2026-01-01");
  refuse_share(one.listeners[0].logins, 0, conf::Share::kAll);
  add(one, {"stated"}, kWarn);
  refuse_from(add(one, {"dated"}, kWarn).logins, 2, "2026-01-01");
  refuse_share(add(one, {"shared"}, kWarn).logins, 3, conf::Share::kAll);
  refuse_from(add(one, {"later"}).logins, 4, "2030-01-01");
  REQUIRE(verdict(one, clear("stated")) == Verdict::warn);
  const auto dated = judge_login(one, clear("dated"));
  REQUIRE(dated.reason == Reason::rule);
  REQUIRE(dated.place.line == place(2, from_line).line);
  const auto shared = judge_login(one, clear("shared"));
  REQUIRE(shared.is_by_share);
  REQUIRE(shared.place.line == place(3, share_line).line);
  // The listener's share still acts where a rule only moves the date.
  const auto later = judge_login(one, clear("later"));
  REQUIRE(later.reason == Reason::cleartext);
  REQUIRE(later.place.line == place(0, share_line).line);
  const auto nobodys = judge_login(one, clear("nobody"));
  REQUIRE(nobodys.place.line == place(0, from_line).line);
  REQUIRE(nobodys.rule == "listener");
}

TEST_CASE("a rule holds through the end of its last day, in UTC") {
  auto one = settings(TlsMode::optional, kRefuse);
  add(one, {}, kObserve).until = day("2027-06-30");
  REQUIRE(verdict(one, clear("u", "2027-06-30T23:59:59Z")) == Verdict::allow);
  REQUIRE(verdict(one, clear("u", "2027-07-01T00:00:00Z")) == Verdict::refuse);
  one.rules[0].until = day("2261-12-31");
  REQUIRE(verdict(one, clear("u", "2261-12-31T23:59:59Z")) == Verdict::allow);
}

TEST_CASE("refuse_from acts from 00:00 UTC of its day") {
  auto one = settings(TlsMode::optional, kWarn);
  refuse_from(one.listeners[0].logins, 0, "2027-03-01");
  REQUIRE(verdict(one, clear("u", "2027-02-28T23:59:59Z")) == Verdict::warn);
  REQUIRE(verdict(one, clear("u", "2027-03-01T00:00:00Z")) == Verdict::refuse);
}

TEST_CASE("a rule is for its networks and listeners alone") {
  auto one = settings(TlsMode::optional, kRefuse);
  one.listeners.push_back(one.listeners[0]);
  auto& rule = add(one, {}, kObserve);
  for (const auto* text : {"192.0.2.64/27", "198.51.100.7", "2001:db8::/33"})
    rule.from.push_back(*conf::parse_prefix(text).value);
  rule.listeners = {1};
  struct Row {
    const char* address;
    std::size_t listener;
    Verdict verdict;
  };
  for (const auto& row :
       {Row{"192.0.2.64", 1, Verdict::allow}, Row{"192.0.2.95", 1, Verdict::allow},
        Row{"192.0.2.96", 1, Verdict::refuse}, Row{"192.0.2.63", 1, Verdict::refuse},
        Row{"192.0.2.64", 0, Verdict::refuse}, Row{"::ffff:192.0.2.64", 1, Verdict::allow},
        Row{"198.51.100.7", 1, Verdict::allow}, Row{"198.51.100.6", 1, Verdict::refuse},
        Row{"2001:db8:7fff::", 1, Verdict::allow}, Row{"2001:db8:8000::", 1, Verdict::refuse},
        Row{"::192.0.2.64", 1, Verdict::refuse}}) {
    INFO(row.address);
    auto question = clear("u");
    question.client = from(row.address, row.listener);
    REQUIRE(verdict(one, question) == row.verdict);
  }
}

TEST_CASE("a network of all IPv6 holds no client of IPv4") {
  auto one = settings(TlsMode::optional, kRefuse);
  add(one, {}, kObserve).from = {*conf::parse_prefix("::/0").value};
  REQUIRE(verdict(one, clear("u")) == Verdict::refuse);
  REQUIRE(verdict(one, clear("u", "2026-11-25", "2001:db8::1")) == Verdict::allow);
}

TEST_CASE("rules for users act once the name is known, and never where it is hidden") {
  auto one = settings(TlsMode::optional, kRefuse);
  add(one, {"*"}, kObserve);
  REQUIRE(verdict(one, clear("u")) == Verdict::allow);
  REQUIRE(verdict(one, nameless(Name::awaited)) == Verdict::refuse);
  REQUIRE(verdict(one, nameless(Name::hidden)) == Verdict::refuse);
}

TEST_CASE("an unreadable name gets the strictest verdict that any user could get") {
  struct Row {
    conf::CleartextLogin listener;
    conf::CleartextLogin rule;
    Verdict verdict;
  };
  for (const auto& row :
       {Row{kObserve, kRefuse, Verdict::refuse}, Row{kWarn, kRefuse, Verdict::refuse},
        Row{kRefuse, kObserve, Verdict::refuse}, Row{kObserve, kWarn, Verdict::warn},
        Row{kWarn, kObserve, Verdict::warn}, Row{kObserve, kObserve, Verdict::allow}}) {
    auto one = settings(TlsMode::optional, row.listener);
    add(one, {"bob"}, row.rule);
    REQUIRE(verdict(one, nameless(Name::unreadable)) == row.verdict);
    // A rule for everybody in front is all that is asked; one behind takes the listener's place.
    one.rules.insert(one.rules.begin(), one.rules.front());
    one.rules.front().users.clear();
    one.rules.front().logins.cleartext_login = kWarn;
    REQUIRE(verdict(one, nameless(Name::unreadable)) == Verdict::warn);
  }
  auto one = settings(TlsMode::optional, kObserve);
  add(one, {"ann"}, kObserve);
  add(one, {"bob"}, kRefuse);
  add(one, {"cid"}, kRefuse);
  policy::Path path;
  REQUIRE(judge_login(one, nameless(Name::unreadable), &path).rule == one.rules[1].name);
  REQUIRE(path.size() == 2);  // up to the rule that gave the verdict
  REQUIRE(path.back().match == Match::possible);
  one.rules[1].from = one.rules[2].from = {*conf::parse_prefix("198.51.100.0/24").value};
  REQUIRE(verdict(one, nameless(Name::unreadable)) == Verdict::allow);
  REQUIRE(verdict(one, nameless(Name::hidden)) == Verdict::allow);
}

TEST_CASE("of a name of several words both readings count: all of it, and the first alone") {
  struct Row {
    std::string user;
    std::string pattern;
    conf::CleartextLogin rule;  // against the listener's opposite
    Verdict verdict;
  };
  for (const auto& row : {Row{"bob x", "bob", kRefuse, Verdict::refuse},
                          Row{"CORP\\bob\tx", "bob", kRefuse, Verdict::refuse},
                          Row{"jane doe", "jane doe", kRefuse, Verdict::refuse},
                          Row{"jane doe", "bob", kRefuse, Verdict::allow},
                          Row{"jane doe", "Jane Doe", kObserve, Verdict::allow},
                          Row{"jane doe", "jane*", kObserve, Verdict::allow},
                          Row{"ann x@printers", "*@printers", kObserve, Verdict::refuse},
                          Row{"ann printer", "*printer", kObserve, Verdict::refuse},
                          Row{"ann printer", "ann", kObserve, Verdict::refuse}}) {
    INFO(row.user << " against " << row.pattern);
    auto one = settings(TlsMode::optional, row.rule == kRefuse ? kObserve : kRefuse);
    add(one, {row.pattern}, row.rule);
    REQUIRE(verdict(one, clear(row.user)) == row.verdict);
  }
}

TEST_CASE("a share is refused by user or hidden name's address, not while the name is awaited") {
  auto one = settings(TlsMode::optional, kWarn);
  refuse_share(one.listeners[0].logins, 0, conf::Share::kAll);
  REQUIRE(verdict(one, nameless(Name::awaited)) == Verdict::warn);
  REQUIRE(judge_login(one, nameless(Name::hidden)).is_by_share);
  REQUIRE(judge_login(one, clear("u")).is_by_share);
  refuse_share(one.listeners[0].logins, 0, 0);
  REQUIRE(verdict(one, clear("u")) == Verdict::warn);
  REQUIRE(refused_of(one, 1000, "2026-11-25") == 0);
}

TEST_CASE("the part that is refused is near the share, in every hour") {
  for (const unsigned share : {50U, 1000U, 5000U, 9950U}) {
    auto one = settings(TlsMode::optional, kObserve);
    refuse_share(one.listeners[0].logins, 0, share);
    for (const auto* when : {"2026-11-25T00:00Z", "2026-11-25T01:30Z", "2027-06-01T23:59Z"}) {
      const auto refused = refused_of(one, 10'000, when);
      INFO(share << " at " << when << ": " << refused);
      REQUIRE(refused + 250 > share);
      REQUIRE(refused < share + 250);
    }
  }
}

TEST_CASE("whom a share refuses is the same within the hour, and others in the next") {
  auto one = settings(TlsMode::optional, kObserve);
  refuse_share(one.listeners[0].logins, 0, 1000);
  std::set<std::string> first;
  std::size_t again = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto name = "user-" + std::to_string(i);
    const auto now = verdict(one, clear(name, "2026-11-25T10:00:00Z"));
    REQUIRE(now == verdict(one, clear(name, "2026-11-25T10:59:59Z")));
    REQUIRE(now == verdict(one, clear(name, "2026-11-25T10:30Z", "2001:db8::9")));
    REQUIRE(now == verdict(one, clear("USER-" + std::to_string(i), "2026-11-25T10:30Z")));
    if (now != Verdict::refuse) continue;
    first.insert(name);
    again += verdict(one, clear(name, "2026-11-25T11:00:00Z")) == Verdict::refuse;
  }
  REQUIRE(first.size() > 100);
  REQUIRE(again < first.size() / 2);
}

TEST_CASE("TLS below min_version is a refusal, by the key that sets it") {
  auto one = settings(TlsMode::optional, kRefuse);
  one.listeners[0].tls.min_version_place = place(0, version_line);
  auto& rule = add(one);
  rule.from = {*conf::parse_prefix("192.0.2.0/24").value};
  rule.min_version = TlsVersion::tls1_0;
  rule.min_version_place = place(1, version_line);
  struct Row {
    const char* address;
    TlsVersion version;
    Verdict verdict;
  };
  for (const auto& row : {Row{"192.0.2.7", TlsVersion::tls1_0, Verdict::allow},
                          Row{"198.51.100.7", TlsVersion::tls1_1, Verdict::refuse},
                          Row{"198.51.100.7", TlsVersion::tls1_2, Verdict::allow}}) {
    auto question = clear("u", "2026-11-25", row.address);
    question.security = Security::starttls;
    question.tls_version = row.version;
    const auto decision = judge_login(one, question);
    REQUIRE(decision.verdict == row.verdict);
    if (row.verdict != Verdict::refuse) continue;
    REQUIRE(decision.reason == Reason::tls_version);
    REQUIRE(decision.place.line == place(0, version_line).line);
  }
  one.rules[0].min_version = TlsVersion::tls1_3;
  auto question = clear("u");
  question.security = Security::implicit;
  question.tls_version = TlsVersion::tls1_2;
  REQUIRE(judge_login(one, question).place.line == place(1, version_line).line);
}

TEST_CASE("a client is admitted by the first rule without users") {
  auto one = settings(TlsMode::required);
  one.listeners[0].tls.min_version_place = place(0, version_line);
  add(one, {"u"}, kObserve);
  auto& rule = add(one);
  rule.from = {*conf::parse_prefix("192.0.2.0/24").value};
  rule.tls_mode = TlsMode::optional;
  rule.tls_mode_place = place(2, mode_line);
  rule.bare_newlines = BareNewlines::pass;
  add(one).min_version = TlsVersion::tls1_0;
  const auto now = at("2026-11-25");
  const auto opened = admit(one, now, from("192.0.2.7"));
  REQUIRE(opened.tls_mode == TlsMode::optional);
  REQUIRE(opened.tls_mode_place.line == place(2, mode_line).line);
  REQUIRE(opened.min_version == TlsVersion::tls1_2);
  REQUIRE(opened.min_version_place.line == place(0, version_line).line);
  REQUIRE(opened.bare_newlines == BareNewlines::pass);
  REQUIRE(opened.rule == "r2");
  REQUIRE(opened.opens_required);
  const auto other = admit(one, now, from("198.51.100.7"));
  REQUIRE(other.tls_mode == TlsMode::required);
  REQUIRE(other.min_version == TlsVersion::tls1_0);
  REQUIRE(other.bare_newlines == BareNewlines::reject);
  REQUIRE(other.rule == "r3");
  REQUIRE_FALSE(other.opens_required);
  // Opened, the login is still judged: by the rule for its user, else by the listener.
  REQUIRE(verdict(one, clear("u")) == Verdict::allow);
  REQUIRE(verdict(one, clear("v")) == Verdict::refuse);
}

TEST_CASE("only clear text on a required listener is an opening") {
  for (const auto listener :
       {TlsMode::required, TlsMode::optional, TlsMode::none, TlsMode::implicit}) {
    for (const auto mode : {TlsMode::required, TlsMode::optional, TlsMode::none}) {
      auto one = settings(listener);
      add(one).tls_mode = mode;
      const auto admission = admit(one, at("2026-11-25"), from("192.0.2.7"));
      REQUIRE(admission.opens_required ==
              (listener == TlsMode::required && mode != TlsMode::required));
      REQUIRE(admission.tls_mode == (listener == TlsMode::implicit ? listener : mode));
    }
  }
}

TEST_CASE(
    "an auto listener is optional in clear, where no rule says otherwise, and takes TLS at once") {
  auto one = settings(TlsMode::automatic, kObserve);
  const auto admission = admit(one, at("2026-11-25"), from("192.0.2.7"));
  REQUIRE(admission.tls_mode == TlsMode::optional);
  REQUIRE(admission.recognises_tls);
  REQUIRE(verdict(one, clear("u")) == Verdict::allow);
  REQUIRE(verdict(settings(TlsMode::automatic), clear("u")) == Verdict::refuse);
  for (const auto mode : {TlsMode::required, TlsMode::optional, TlsMode::none}) {
    auto ruled = one;
    add(ruled).tls_mode = mode;
    const auto by_rule = admit(ruled, at("2026-11-25"), from("192.0.2.7"));
    REQUIRE(by_rule.tls_mode == mode);
    REQUIRE(by_rule.recognises_tls);
    REQUIRE_FALSE(by_rule.opens_required);
    REQUIRE(verdict(ruled, clear("u")) ==
            (mode == TlsMode::required ? Verdict::refuse : Verdict::allow));
  }
  REQUIRE_FALSE(
      admit(settings(TlsMode::optional), at("2026-11-25"), from("192.0.2.7")).recognises_tls);
}

TEST_CASE("whether a refusal may depend on the user") {
  auto one = settings(TlsMode::optional, kRefuse);
  const auto question = nameless(Name::awaited);
  REQUIRE_FALSE(may_depend_on_user(one, question));
  add(one, {"u"}, kRefuse);
  REQUIRE_FALSE(may_depend_on_user(one, question));
  auto& rule = add(one, {"v"}, kObserve);
  REQUIRE(may_depend_on_user(one, question));
  rule.until = day("2026-11-24");
  REQUIRE_FALSE(may_depend_on_user(one, question));
  rule.until.reset();
  refuse_from(rule.logins, 2, "2026-11-25");
  REQUIRE_FALSE(may_depend_on_user(one, question));
  rule.logins.refuse_from.reset();
  rule.from = {*conf::parse_prefix("198.51.100.0/24").value};
  REQUIRE_FALSE(may_depend_on_user(one, question));
  rule.from.clear();
  auto under_tls = question;
  under_tls.security = Security::starttls;
  REQUIRE_FALSE(may_depend_on_user(one, under_tls));
  one.listeners[0].tls_mode = TlsMode::required;
  REQUIRE_FALSE(may_depend_on_user(one, question));
}

TEST_CASE(
    "a rule that needs a certificate refuses who shows none, and decides as ever about others") {
  auto one = settings(TlsMode::optional, kObserve);
  auto& rule = add(one, {"adm-*"});
  rule.needs_certificate = true;
  rule.certificate_place = place(1, certificate_line);
  auto question = clear("adm-anna");
  for (const auto security : {Security::cleartext, Security::starttls, Security::implicit}) {
    question.security = security;
    question.has_certificate = false;
    const auto refused = judge_login(one, question);
    REQUIRE(refused.verdict == Verdict::refuse);
    REQUIRE(refused.reason == Reason::certificate);
    REQUIRE(refused.place.line == 10 + certificate_line);
    REQUIRE(refused.rule == "r1");
    question.has_certificate = true;
    REQUIRE(judge_login(one, question).verdict == Verdict::allow);
    question.user = "bert";
    question.has_certificate = false;
    REQUIRE(judge_login(one, question).verdict == Verdict::allow);
    question.user = "adm-anna";
  }
  // What refuses before it has its own reason.
  question.has_certificate = false;
  question.security = Security::implicit;
  question.tls_version = TlsVersion::tls1_1;
  one.listeners[0].tls.min_version = TlsVersion::tls1_2;
  REQUIRE(judge_login(one, question).reason == Reason::tls_version);
  question.has_certificate = true;
  REQUIRE(judge_login(one, question).reason == Reason::tls_version);
  question = clear("adm-anna");
  state(rule.logins, 1, kRefuse);
  REQUIRE(judge_login(one, question).reason == Reason::rule);
  one.listeners[0].tls_mode = TlsMode::required;
  REQUIRE(judge_login(one, question).reason == Reason::cleartext);
}

TEST_CASE("a name that may be one of those who need a certificate needs one") {
  auto one = settings(TlsMode::required);
  add(one, {"adm-*"}).needs_certificate = true;
  auto question = nameless(Name::unreadable);
  question.security = Security::starttls;
  REQUIRE(judge_login(one, question).reason == Reason::certificate);
  REQUIRE(judge_login(one, question).rule == "r1");
  question.has_certificate = true;
  REQUIRE(verdict(one, question) == Verdict::allow);
  question.has_certificate = false;
  for (const auto name : {Name::awaited, Name::hidden}) {
    question.name = name;
    REQUIRE(verdict(one, question) == Verdict::allow);
  }
}

TEST_CASE("under TLS, too, a rule for users may let in who is refused without a name") {
  auto one = settings(TlsMode::required);
  add(one, {"svc-*"}, kRefuse);
  add(one).needs_certificate = true;
  auto question = nameless(Name::awaited);
  question.security = Security::starttls;
  REQUIRE(verdict(one, question) == Verdict::refuse);
  REQUIRE(may_depend_on_user(one, question));
  one.rules[0].needs_certificate = true;
  REQUIRE_FALSE(may_depend_on_user(one, question));
  question.has_certificate = true;
  REQUIRE_FALSE(may_depend_on_user(one, question));
}

TEST_CASE("a rule for users behind one that takes every name lets nobody in") {
  auto one = settings(TlsMode::optional, kRefuse);
  add(one, {}, kRefuse);
  add(one, {"u"}, kObserve);
  REQUIRE(verdict(one, clear("u")) == Verdict::refuse);
  REQUIRE_FALSE(may_depend_on_user(one, nameless(Name::awaited)));
}

TEST_CASE("the path names each rule that was looked at, and why it was passed over") {
  auto one = settings(TlsMode::optional, kRefuse);
  add(one, {}, kObserve).until = day("2026-11-24");
  add(one, {}, kObserve).listeners = {1};
  add(one, {}, kObserve).from = {*conf::parse_prefix("198.51.100.0/24").value};
  add(one, {"v"}, kObserve);
  add(one, {"u"}, kObserve);
  add(one, {}, kObserve);
  const auto matches = [&](const policy::Question& question) {
    policy::Path path;
    judge_login(one, question, &path);
    std::vector<Match> out;
    for (std::size_t i = 0; i < path.size(); ++i) {
      REQUIRE(path[i].rule == &one.rules[i]);
      out.push_back(path[i].match);
    }
    return out;
  };
  const std::vector<Match> start = {Match::expired, Match::other_listener, Match::other_address};
  auto known = start;
  known.insert(known.end(), {Match::other_user, Match::matched});
  REQUIRE(matches(clear("u")) == known);
  auto awaited = start;
  awaited.insert(awaited.end(), {Match::user_unknown, Match::user_unknown, Match::matched});
  REQUIRE(matches(nameless(Name::awaited)) == awaited);
  REQUIRE(matches(nameless(Name::hidden)) == awaited);
}

TEST_CASE("what is dated comes in its order, from the day on which it acts") {
  using Kind = policy::DatedChange::Kind;
  auto one = settings(TlsMode::optional, kWarn);
  refuse_from(one.listeners[0].logins, 0, "2027-03-01");
  auto& rule = add(one, {}, kWarn);
  rule.until = day("2026-12-31");
  rule.until_place = place(1, until_line);
  refuse_from(rule.logins, 1, "2026-12-31");
  // It has expired before it would refuse.
  auto& over = add(one, {}, kWarn);
  over.until = day("2026-12-31");
  refuse_from(over.logins, 2, "2027-01-01");
  const auto changes = policy::dated_changes(one);
  REQUIRE(changes.size() == 4);
  REQUIRE(changes[0].kind == Kind::refusal_begins);
  REQUIRE(changes[0].on == day("2026-12-31"));
  REQUIRE(changes[0].name == "r1");
  REQUIRE(changes[0].is_rule);
  REQUIRE(changes[0].place.line == place(1, from_line).line);
  REQUIRE(changes[1].kind == Kind::rule_expires);
  REQUIRE(changes[1].on == day("2027-01-01"));
  REQUIRE(changes[1].name == "r1");
  REQUIRE(changes[1].place.line == place(1, until_line).line);
  REQUIRE(changes[2].kind == Kind::rule_expires);
  REQUIRE(changes[2].name == "r2");
  REQUIRE(changes[3].kind == Kind::refusal_begins);
  REQUIRE(changes[3].name == "in");
  REQUIRE_FALSE(changes[3].is_rule);
}
