// What the policy says of TLS: versions that rise, profiles, and the island.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "conf/dates.h"
#include "conf/load.h"
#include "conf/prefixes.h"
#include "proxy/commands/explanation.h"
#include "proxy/policy/policy.h"
#include "proxy/report/key_name.h"

using namespace postern;  // NOLINT: a test of the folder
using conf::Profile;
using conf::TlsVersion;

namespace {

// From line 3 on: tls, the listener on line 5, rules from line 7 on.
conf::Settings settings_of(const std::string& tls, const std::vector<std::string>& rules = {},
                           const std::string& mode = "implicit") {
  std::string text =
      "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\ncertificates: [{chain: a.pem, key: "
      "a.key}]\ntls: {" +
      tls + "}\nlisteners:\n  - {name: in, protocol: imap, address: \"0.0.0.0:993\", tls: " + mode +
      ", cleartext_login: warn, backend: ex}\n";
  if (!rules.empty()) text += "rules:\n";
  for (const auto& rule : rules) text += "  - {" + rule + "}\n";
  const auto loaded = conf::load_text(text, "p.yaml");
  INFO(text << conf::text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

policy::Moment at(std::string_view text) { return conf::parse_moment(text).value.value(); }

policy::Client from(std::string_view address) {
  return {0, conf::parse_address_octets(address).value.value()};
}

policy::Admission admitted(const conf::Settings& settings, std::string_view when,
                           std::string_view address = "192.0.2.7") {
  return policy::admit(settings, at(when), from(address));
}

const std::string kRising =
    "min_version: 1.0, min_version_from: {1.2: 2027-06-01, 1.3: 2028-01-01}";

}  // namespace

TEST_CASE("the lowest version rises on its day, at midnight UTC") {
  const auto settings = settings_of(kRising);
  struct Row {
    const char* when;
    TlsVersion version;
    const char* key;
  };
  for (const auto& row : std::vector<Row>{
           {"2026-11-26", TlsVersion::tls1_0, "tls.min_version"},
           {"2027-05-31T23:59:59Z", TlsVersion::tls1_0, "tls.min_version"},
           {"2027-06-01T00:00:00Z", TlsVersion::tls1_2, "tls.min_version_from"},
           {"2027-12-31T23:59:59Z", TlsVersion::tls1_2, "tls.min_version_from"},
           {"2028-01-01", TlsVersion::tls1_3, "tls.min_version_from"},
           {"2050-01-01", TlsVersion::tls1_3, "tls.min_version_from"},
       }) {
    INFO(row.when);
    const auto admission = admitted(settings, row.when);
    CHECK(admission.min_version == row.version);
    CHECK(report::key_at(settings, admission.min_version_place) == row.key);
  }
}

TEST_CASE("a rule's own min_version is not raised, one that states none rises with its listener") {
  const auto settings = settings_of(kRising, {"name: old, from: [192.0.2.7], min_version: 1.0",
                                              "name: copier, from: [192.0.2.8], profile: legacy"});
  CHECK(admitted(settings, "2030-01-01").min_version == TlsVersion::tls1_0);
  CHECK(admitted(settings, "2030-01-01").rule == "old");
  CHECK(admitted(settings, "2027-07-01", "192.0.2.8").min_version == TlsVersion::tls1_2);
  CHECK(admitted(settings, "2027-07-01", "192.0.2.9").min_version == TlsVersion::tls1_2);
}

TEST_CASE("a rule's own days raise its min_version, or the listener's where it states none") {
  const auto settings = settings_of(
      kRising,
      {"name: slow, from: [192.0.2.8], min_version_from: {1.2: 2029-01-01}",
       "name: fast, from: [192.0.2.9], min_version_from: {1.3: 2020-01-01}",
       "name: old, from: [192.0.2.10], min_version: 1.1, min_version_from: {1.2: 2027-07-01, "
       "1.3: 2027-08-01}",
       "name: never, from: [192.0.2.11], min_version_from: {}",
       "name: over, from: [192.0.2.12], until: 2027-07-01, min_version_from: {1.3: 2027-07-01}"});
  struct Row {
    const char* address;
    const char* when;
    TlsVersion version;
    const char* key;
  };
  for (const auto& row : std::vector<Row>{
           {"192.0.2.8", "2028-12-31", TlsVersion::tls1_0, "tls.min_version"},
           {"192.0.2.8", "2029-01-01", TlsVersion::tls1_2, "rules[slow].min_version_from"},
           {"192.0.2.9", "2019-12-31T23:59:59Z", TlsVersion::tls1_0, "tls.min_version"},
           {"192.0.2.9", "2026-11-26", TlsVersion::tls1_3, "rules[fast].min_version_from"},
           {"192.0.2.10", "2027-06-30", TlsVersion::tls1_1, "rules[old].min_version"},
           {"192.0.2.10", "2027-07-01", TlsVersion::tls1_2, "rules[old].min_version_from"},
           {"192.0.2.10", "2030-01-01", TlsVersion::tls1_3, "rules[old].min_version_from"},
           {"192.0.2.11", "2030-01-01", TlsVersion::tls1_0, "tls.min_version"},
           {"192.0.2.12", "2027-06-30", TlsVersion::tls1_0, "tls.min_version"},
           {"192.0.2.12", "2027-07-01", TlsVersion::tls1_3, "rules[over].min_version_from"},
           {"192.0.2.12", "2027-07-02", TlsVersion::tls1_2, "tls.min_version_from"},
       }) {
    INFO(row.address << " " << row.when);
    const auto admission = admitted(settings, row.when, row.address);
    CHECK(admission.min_version == row.version);
    CHECK(report::key_at(settings, admission.min_version_place) == row.key);
  }
}

TEST_CASE("a rule's day that has come keeps its addresses from being handed on") {
  auto settings =
      settings_of("", {"name: r, from: [192.0.2.8], min_version_from: {1.3: 2027-06-01}",
                       "name: low, from: [192.0.2.9], min_version_from: {}"});
  settings.listeners[0].legacy_tls = conf::LegacyTls::splice;
  CHECK(admitted(settings, "2027-05-31", "192.0.2.8").may_splice);
  CHECK_FALSE(admitted(settings, "2027-06-01", "192.0.2.8").may_splice);
  CHECK(admitted(settings, "2027-06-01", "192.0.2.9").may_splice);
}

TEST_CASE("what an inherited list of days says below the listener's own version changes nothing") {
  auto settings = settings_of(kRising);
  settings.listeners[0].tls.min_version = TlsVersion::tls1_3;
  CHECK(admitted(settings, "2027-07-01").min_version == TlsVersion::tls1_3);
}

TEST_CASE("a login of a version that has come to be too old is refused, with the day's key") {
  const auto settings = settings_of(kRising);
  policy::Question question;
  question.client = from("192.0.2.7");
  question.security = policy::Security::implicit;
  question.tls_version = TlsVersion::tls1_1;
  question.now = at("2027-05-31");
  CHECK(policy::judge_login(settings, question).verdict == policy::Verdict::allow);
  question.now = at("2027-06-01");
  const auto decision = policy::judge_login(settings, question);
  CHECK(decision.verdict == policy::Verdict::refuse);
  CHECK(decision.reason == policy::Reason::tls_version);
  CHECK(report::key_at(settings, decision.place) == "tls.min_version_from");
}

TEST_CASE("days on which the lowest version rises are dated changes") {
  using Kind = policy::DatedChange::Kind;
  const auto settings = settings_of(kRising);
  const auto changes = policy::dated_changes(settings);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].kind == Kind::version_rises);
  CHECK(changes[0].on == at("2027-06-01"));
  CHECK(changes[0].version == TlsVersion::tls1_2);
  CHECK(changes[0].name == "in");
  CHECK_FALSE(changes[0].is_rule);
  CHECK(changes[0].place.line == 3);
  CHECK(changes[1].version == TlsVersion::tls1_3);
  // Not where it raises nothing, or where there is no TLS.
  auto higher = settings;
  higher.listeners[0].tls.min_version = TlsVersion::tls1_2;
  CHECK(policy::dated_changes(higher).size() == 1);
  higher.listeners[0].tls_mode = conf::TlsMode::none;
  CHECK(policy::dated_changes(higher).empty());
}

TEST_CASE("days on which a rule's lowest version rises are dated changes, while it holds") {
  using Kind = policy::DatedChange::Kind;
  const auto settings = settings_of(
      "", {"name: r, from: [192.0.2.8], until: 2027-12-31, min_version: 1.0, min_version_from: "
           "{1.2: 2027-06-01, 1.3: 2028-01-01}"});
  const auto changes = policy::dated_changes(settings);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].kind == Kind::version_rises);
  CHECK(changes[0].on == at("2027-06-01"));
  CHECK(changes[0].version == TlsVersion::tls1_2);
  CHECK(changes[0].name == "r");
  CHECK(changes[0].is_rule);
  CHECK(changes[0].place.line == 7);
  CHECK(changes[1].kind == Kind::rule_expires);
  // Not where there is no TLS, or it raises nothing.
  auto other = settings;
  other.listeners[0].tls_mode = conf::TlsMode::none;
  CHECK(policy::dated_changes(other).size() == 1);
  other.rules[0].tls_mode = conf::TlsMode::optional;
  CHECK(policy::dated_changes(other).size() == 2);
  other.rules[0].min_version = TlsVersion::tls1_2;
  CHECK(policy::dated_changes(other).size() == 1);
}

TEST_CASE("a profile is the listener's or the rule's, and legacy in a rule opens the island") {
  const auto settings = settings_of("profile: legacy",
                                    {"name: old, from: [192.0.2.0/30], profile: "
                                     "legacy, until: 2027-01-31",
                                     "name: strict, from: [192.0.2.8], profile: "
                                     "modern",
                                     "name: other, from: [192.0.2.9], "
                                     "cleartext_login: refuse"},
                                    "optional");
  struct Row {
    const char* when;
    const char* address;
    Profile profile;
    bool opens_island;
    const char* key;
  };
  for (const auto& row : std::vector<Row>{
           {"2027-01-31T23:59Z", "192.0.2.1", Profile::legacy, true, "rules[old].profile"},
           {"2027-02-01", "192.0.2.1", Profile::legacy, false, ""},
           {"2027-01-01", "192.0.2.4", Profile::legacy, false, ""},
           {"2027-01-01", "192.0.2.8", Profile::modern, false, "rules[strict].profile"},
           {"2027-01-01", "192.0.2.9", Profile::legacy, false, ""},
       }) {
    INFO(row.when << " " << row.address);
    const auto admission = admitted(settings, row.when, row.address);
    CHECK(admission.profile == row.profile);
    CHECK(admission.opens_island == row.opens_island);
    CHECK(admission.opened_by() == (row.opens_island ? "old" : ""));
    if (*row.key != '\0') {
      CHECK(report::key_at(settings, admission.profile_place) == row.key);
    }
  }
  CHECK(admitted(settings, "2027-01-01", "192.0.2.8").min_version == TlsVersion::tls1_3);
  CHECK(report::key_at(settings, admitted(settings, "2027-01-01", "192.0.2.8").min_version_place) ==
        "rules[strict].profile");
}

TEST_CASE("an island where there is no TLS opens nothing") {
  const auto settings =
      settings_of("", {"name: old, from: [192.0.2.7], profile: legacy, tls: none"}, "optional");
  CHECK(admitted(settings, "2027-01-01").opened_by().empty());
}

TEST_CASE("explain names the day that raised the version, the next one, and the island") {
  const auto settings = settings_of(kRising, {"name: old, from: [192.0.2.8], profile: legacy"});
  const auto explained = [&](std::string_view when, std::string_view address) {
    commands::LoginCase login;
    login.client = from(address);
    login.tls_version = TlsVersion::tls1_1;
    login.at = at(when);
    return commands::explanation_of(settings, login);
  };
  const auto before = explained("2026-11-26", "192.0.2.7");
  CHECK(before.decision.verdict == policy::Verdict::allow);
  CHECK(before.notes == std::vector<std::string>{"min_version rises to 1.2 on 2027-06-01"});
  const auto behind = explained("2027-06-01", "192.0.2.7");
  CHECK(behind.decision.verdict == policy::Verdict::refuse);
  CHECK(behind.key == "min_version_from");
  CHECK(behind.decision.place.line == 3);
  CHECK(behind.notes == std::vector<std::string>{"min_version rises to 1.3 on 2028-01-01"});
  CHECK(explained("2030-01-01", "192.0.2.8").notes ==
        std::vector<std::string>{"rule old serves RSA key exchange and 3DES"});

  const auto ruled = settings_of(
      kRising,
      {"name: r, from: [192.0.2.8], min_version: 1.0, min_version_from: {1.2: 2029-01-01}"});
  commands::LoginCase by_rule;
  by_rule.client = from("192.0.2.8");
  by_rule.tls_version = TlsVersion::tls1_1;
  by_rule.at = at("2028-06-01");
  CHECK(commands::explanation_of(ruled, by_rule).notes ==
        std::vector<std::string>{"min_version rises to 1.2 on 2029-01-01"});
  by_rule.at = at("2029-01-01");
  const auto refused = commands::explanation_of(ruled, by_rule);
  CHECK(refused.decision.verdict == policy::Verdict::refuse);
  CHECK(refused.key == "min_version_from");
  CHECK(refused.decision.place.line == 7);

  const auto modern = settings_of("profile: modern");
  commands::LoginCase login;
  login.client = from("192.0.2.7");
  login.tls_version = TlsVersion::tls1_2;
  login.at = at("2026-11-26");
  CHECK(commands::explanation_of(modern, login).key == "profile");
}
