// Profiles, and versions that rise: how they are read, and what is wrong with them.
#include "conf/check_tls.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder
using namespace std::chrono_literals;

namespace {

constexpr const char* kHead =
    "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\ncertificates: [{chain: a.pem, key: a.key}]\n";

// `tls` stands on line 3, the listener on line 5, the rules from line 7 on.
std::string file(const std::string& tls, const std::string& listener,
                 const std::vector<std::string>& rules = {}) {
  std::string text = std::string(kHead) + "tls: {" + tls +
                     "}\nlisteners:\n  - {name: in, protocol: imap, address: \"0.0.0.0:993\", "
                     "tls: implicit, backend: ex" +
                     (listener.empty() ? "" : ", ") + listener + "}\n";
  if (!rules.empty()) text += "rules:\n";
  for (const auto& rule : rules) text += "  - {name: r" + rule + "}\n";
  return text;
}

Settings settings_of(const std::string& text) {
  const auto loaded = load_text(text, "p.yaml");
  INFO(text << text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

// What is said, each "line: message" on a line of its own.
std::string said(const std::string& text) {
  std::string all;
  for (const auto& each : load_text(text, "p.yaml").diagnostics) {
    all += std::to_string(each.place.line) + ": " +
           (each.severity == Severity::warning ? "warning: " : "") + each.message + "\n";
  }
  return all;
}

// With min_version 1.0 on that line for all.
std::string is_old(int line, const std::string& version = "1.0") {
  return std::to_string(line) + ": warning: min_version " + version +
         " is for everybody here; expected it in a rule with `from`, the networks of those that "
         "need "
         "it\n";
}

constexpr Date kFirst = 2027y / 6 / 1;
constexpr Date kSecond = 2028y / 1 / 1;

}  // namespace

TEST_CASE("a profile is intermediate, the one of tls, or the listener's own") {
  CHECK(settings_of(file("", "")).listeners[0].tls.profile == Profile::intermediate);
  CHECK(settings_of(file("profile: legacy", "")).listeners[0].tls.profile == Profile::legacy);
  CHECK(settings_of(file("profile: legacy", "profile: modern")).listeners[0].tls.profile ==
        Profile::modern);
}

TEST_CASE("modern is for TLS 1.3 unless a min_version stands beside it") {
  struct Row {
    const char* tls;
    const char* listener;
    TlsVersion min_version;
    int line;  // of what gave it; 0: the default
  };
  const std::vector<Row> rows = {
      {"", "", TlsVersion::tls1_2, 0},
      {"profile: intermediate", "profile: legacy", TlsVersion::tls1_2, 0},
      {"profile: modern", "", TlsVersion::tls1_3, 3},
      {"profile: modern, min_version: 1.2", "", TlsVersion::tls1_2, 3},
      {"", "profile: modern", TlsVersion::tls1_3, 5},
      {"", "profile: modern, min_version: 1.2", TlsVersion::tls1_2, 5},
      {"min_version: 1.2", "profile: modern", TlsVersion::tls1_3, 5},
      {"min_version: 1.0", "profile: legacy", TlsVersion::tls1_0, 3},
      {"profile: modern", "min_version: 1.2", TlsVersion::tls1_2, 5},
      {"profile: modern", "profile: intermediate", TlsVersion::tls1_2, 0},
      {"profile: modern, min_version: 1.3", "profile: intermediate", TlsVersion::tls1_3, 3},
  };
  for (const auto& row : rows) {
    INFO(row.tls << " | " << row.listener);
    const auto tls = settings_of(file(row.tls, row.listener)).listeners[0].tls;
    CHECK(tls.min_version == row.min_version);
    CHECK(tls.min_version_place.line == row.line);
  }
}

TEST_CASE("a rule's modern is for TLS 1.3 unless a min_version stands in it") {
  const auto rule = [](const std::string& keys) {
    return settings_of(file("min_version: 1.0", "", {", " + keys})).rules[0];
  };
  CHECK(rule("profile: modern").min_version == TlsVersion::tls1_3);
  CHECK(rule("profile: modern, min_version: 1.2").min_version == TlsVersion::tls1_2);
  CHECK_FALSE(rule("profile: intermediate").min_version);
  CHECK(rule("profile: legacy, from: [192.0.2.7]").profile == Profile::legacy);
  CHECK(rule("profile: legacy, from: [192.0.2.7]").profile_place.line == 7);
}

TEST_CASE("versions that rise are read in the order of their days") {
  const auto tls =
      settings_of(file("min_version: 1.0, min_version_from: {1.3: 2028-01-01, \"1.2\": "
                       "2027-06-01}",
                       ""))
          .listeners[0]
          .tls;
  REQUIRE(tls.min_version_from.size() == 2);
  CHECK(tls.min_version_from[0].version == TlsVersion::tls1_2);
  CHECK(tls.min_version_from[0].from == kFirst);
  CHECK(tls.min_version_from[1].version == TlsVersion::tls1_3);
  CHECK(tls.min_version_from[1].from == kSecond);
  CHECK(tls.min_version_from[1].place.line == 3);
}

TEST_CASE("a listener's min_version_from takes the place of that of tls, be it empty") {
  const std::string dated = "min_version_from: {1.3: 2027-06-01}";
  const auto own = settings_of(file(dated, "min_version_from: {1.3: 2028-01-01}"));
  REQUIRE(own.listeners[0].tls.min_version_from.size() == 1);
  CHECK(own.listeners[0].tls.min_version_from[0].from == kSecond);
  CHECK(settings_of(file(dated, "min_version_from: {}")).listeners[0].tls.min_version_from.empty());
  CHECK(settings_of(file(dated, "min_version: 1.0")).listeners[0].tls.min_version_from.size() == 1);
  // Inherited, it may say less than the listener does already.
  CHECK(settings_of(file(dated, "min_version: 1.3")).listeners[0].tls.min_version_from.size() == 1);
}

TEST_CASE("a day that is past is fine") {
  CHECK(said(file("min_version_from: {1.3: 2020-01-01}", "")).empty());
}

TEST_CASE("what is wrong with profiles and versions that rise is said at its place") {
  const std::string raises_nothing = " holds by then; expected a higher version on a later day\n";
  struct Row {
    std::string tls;
    std::string listener;
    std::string said;
  };
  const std::vector<Row> rows = {
      {"profile: old", "",
       "3: tls.profile: expected modern, intermediate or legacy, found `old`\n"},
      {"profile: modern, max_version: 1.2", "",
       "3: `profile: modern` is for TLS 1.3, above max_version; expected another profile, or "
       "max_version 1.3\n"},
      {"max_version: 1.2", "profile: modern",
       "5: `profile: modern` is for TLS 1.3, above max_version; expected another profile, or "
       "max_version 1.3\n"},
      {"profile: modern", "max_version: 1.2",
       "5: `profile: modern` is for TLS 1.3, above max_version; expected another profile, or "
       "max_version 1.3\n"},
      {"profile: modern, min_version: 1.2, max_version: 1.2", "",
       "3: `profile: modern` is for TLS 1.3, above max_version; expected another profile, or "
       "max_version 1.3\n"},
      {"min_version_from: {1.2: 2027-06-01}", "",
       "3: min_version 1.2 from 2027-06-01 on raises nothing: 1.2" + raises_nothing},
      {"min_version_from: {1.0: 2027-06-01}", "",
       "3: min_version 1.0 from 2027-06-01 on raises nothing: 1.2" + raises_nothing},
      {"min_version: 1.0, min_version_from: {1.3: 2027-06-01, 1.2: 2028-01-01}", "",
       is_old(3) + "3: min_version 1.2 from 2028-01-01 on raises nothing: 1.3" + raises_nothing},
      {"min_version: 1.0, min_version_from: {1.3: 2027-06-01, 1.2: 2027-06-01}", "",
       is_old(3) + "3: min_version 1.3 from 2027-06-01 on raises nothing: 1.2" + raises_nothing},
      {"", "min_version: 1.3, min_version_from: {1.3: 2027-06-01}",
       "5: min_version 1.3 from 2027-06-01 on raises nothing: 1.3" + raises_nothing},
      {"max_version: 1.2, min_version_from: {1.3: 2027-06-01}", "",
       "3: min_version 1.3 from 2027-06-01 on is above max_version; expected one that is not above "
       "it\n"},
      {"min_version_from: {1.3: 2027-06-01}", "max_version: 1.2",
       "5: min_version 1.3 from 2027-06-01 on is above max_version; expected one that is not above "
       "it\n"},
      {"min_version_from: {1.4: 2027-06-01}", "", "3: unknown key `1.4`; did you mean `1.0`?\n"},
      {"min_version_from: 2027-06-01", "",
       "3: tls.min_version_from: expected a mapping of versions with their days, such as {1.3: "
       "2027-06-01}, found `2027-06-01`\n"},
      {"min_version_from: {1.3: soon}", "",
       "3: tls.min_version_from.1.3: expected a date as YYYY-MM-DD, such as 2027-03-01, found "
       "`soon`\n"},
  };
  for (const auto& row : rows) {
    INFO(row.tls << " | " << row.listener);
    CHECK(said(file(row.tls, row.listener)) == row.said);
  }
}

TEST_CASE("a rule opens RSA key exchange to named networks alone") {
  const std::string too_wide =
      " is too wide: `profile: legacy` in a rule opens RSA key exchange and 3DES; expected "
      "the networks of the old devices, /8 or longer (of IPv6 /16)\n";
  struct Row {
    std::string rule;
    std::string said;
  };
  const std::vector<Row> rows = {
      {"profile: legacy, from: [192.0.2.0/24, \"2001:db8::/32\"]", ""},
      {"profile: legacy",
       "7: `profile: legacy` in a rule without `from` would open RSA key exchange and 3DES to "
       "everybody; expected `from` with the networks of the old devices\n"},
      {"profile: legacy, from: [192.0.2.0/24, 0.0.0.0/0]", "7: 0.0.0.0/0" + too_wide},
      {"profile: legacy, from: [\"::/0\"]", "7: ::/0" + too_wide},
      {"profile: legacy, from: [\"2000::/3\"]", "7: 2000::/3" + too_wide},
      {"profile: legacy, from: [\"::ffff:0.0.0.0/96\"]", "7: 0.0.0.0/0" + too_wide},
      {"profile: legacy, from: [128.0.0.0/1, 10.0.0.0/8]", "7: 128.0.0.0/1" + too_wide},
      {"profile: legacy, from: [\"2000::/15\", \"2001::/16\"]", "7: 2000::/15" + too_wide},
      {"profile: modern", ""},
      {"profile: intermediate", ""},
      {"profile: intermediate, from: [0.0.0.0/0]", ""},
  };
  for (const auto& row : rows) {
    INFO(row.rule);
    CHECK(said(file("", "", {", " + row.rule})) == row.said);
  }
  CHECK(said(file("", "", {", profile: legacy, from: [nonsense]"})).find("without `from`") ==
        std::string::npos);
}

TEST_CASE("a rule's profile above its listener's max_version, or where it changes nothing") {
  CHECK(said(file("max_version: 1.2", "", {", profile: modern"})) ==
        "7: `profile: modern` is for TLS 1.3, above max_version of listener `in`; expected another "
        "profile\n");
  const std::string from = ", from: [192.0.2.7], profile: legacy";
  CHECK(said(file("profile: modern", "", {from})) ==
        "7: warning: profile never acts with TLS 1.3 alone, whose suites are the same in all; "
        "expected min_version beside it\n");
  CHECK(said(file("profile: modern", "", {from + ", min_version: 1.0"})).empty());
}

TEST_CASE("profile and min_version_from without TLS never act") {
  const std::string text =
      std::string(kHead) +
      "listeners:\n  - {name: in, protocol: imap, address: \"0.0.0.0:143\", tls: none, "
      "cleartext_login: warn, backend: ex, profile: modern, min_version_from: {}}\n"
      "rules: [{name: r, from: [192.0.2.7], profile: modern}]\n";
  CHECK(said(text) ==
        "4: warning: profile never acts with `tls: none`\n"
        "4: warning: min_version_from never acts with `tls: none`\n"
        "5: warning: profile never acts: its clients have no TLS\n");
}

TEST_CASE("a rule's versions that rise are read as a listener's, in its own words or none") {
  const auto rule = [](const std::string& keys) {
    return settings_of(file("", "", {", from: [192.0.2.7], " + keys})).rules[0];
  };
  const auto risen =
      rule("min_version: 1.0, min_version_from: {1.3: 2028-01-01, \"1.2\": 2027-06-01}");
  REQUIRE(risen.min_version_from);
  REQUIRE(risen.min_version_from->size() == 2);
  CHECK(risen.min_version_from->at(0).version == TlsVersion::tls1_2);
  CHECK(risen.min_version_from->at(0).from == kFirst);
  CHECK(risen.min_version_from->at(1).version == TlsVersion::tls1_3);
  CHECK(risen.min_version_from->at(1).place.line == 7);
  CHECK(risen.min_version_from_place.line == 7);
  CHECK_FALSE(rule("min_version: 1.0").min_version_from);
  const auto never = rule("min_version_from: {}");
  REQUIRE(never.min_version_from);
  CHECK(never.min_version_from->empty());
}

TEST_CASE("what is wrong with a rule's versions that rise is said at its place") {
  const std::string raises_nothing = " holds by then; expected a higher version on a later day\n";
  struct Row {
    std::string listener;
    std::string rule;
    std::string said;
  };
  const std::vector<Row> rows = {
      {"", "min_version_from: {1.3: 2020-01-01}", ""},
      {"", "min_version: 1.0, min_version_from: {1.2: 2027-06-01}", ""},
      {"", "min_version_from: {1.2: 2027-06-01}",
       "7: min_version 1.2 from 2027-06-01 on raises nothing: 1.2" + raises_nothing},
      {"", "min_version: 1.3, min_version_from: {1.3: 2027-06-01}",
       "7: min_version 1.3 from 2027-06-01 on raises nothing: 1.3" + raises_nothing},
      {"", "profile: modern, min_version_from: {1.3: 2027-06-01}",
       "7: min_version 1.3 from 2027-06-01 on raises nothing: 1.3" + raises_nothing},
      {"min_version: 1.0", "min_version_from: {1.2: 2027-06-01, 1.3: 2027-06-01}",
       is_old(5) + "7: min_version 1.3 from 2027-06-01 on raises nothing: 1.2" + raises_nothing},
      {"max_version: 1.2", "min_version_from: {1.3: 2027-06-01}",
       "7: min_version 1.3 from 2027-06-01 on is above max_version of listener `in`; expected one "
       "that is not above it\n"},
      {"", "until: 2027-05-31, min_version_from: {1.3: 2027-06-01}",
       "7: warning: min_version 1.3 from 2027-06-01 on never acts: the rule holds until "
       "2027-05-31\n"},
      {"", "until: 2027-06-01, min_version_from: {1.3: 2027-06-01}", ""},
      {"", "users: [x], min_version_from: {1.3: 2027-06-01}",
       "7: `min_version_from` with `users` can never act: it holds before a name is known; "
       "expected "
       "it in a rule without `users`\n"},
      {"", "min_version_from: {1.4: 2027-06-01}", "7: unknown key `1.4`; did you mean `1.0`?\n"},
  };
  for (const auto& row : rows) {
    INFO(row.listener << " | " << row.rule);
    CHECK(said(file("", row.listener, {", from: [192.0.2.7], " + row.rule})) == row.said);
  }
  CHECK(said(std::string(kHead) +
             "listeners:\n  - {name: in, protocol: imap, address: \"0.0.0.0:143\", tls: none, "
             "cleartext_login: warn, backend: ex}\n"
             "rules: [{name: r, from: [192.0.2.7], min_version_from: {1.3: 2027-06-01}}]\n") ==
        "5: warning: min_version_from never acts: its clients have no TLS\n");
}

TEST_CASE("versions below 1.2 for everybody are warned of, where they are stated") {
  struct Row {
    std::string tls;
    std::string listener;
    std::string rule;
    std::string said;
  };
  for (const auto& row : std::vector<Row>{
           {"min_version: 1.0", "", "", is_old(3)},
           {"min_version: 1.1", "", "", is_old(3, "1.1")},
           {"min_version: 1.1", "min_version: 1.0", "", is_old(3, "1.1") + is_old(5)},
           {"", "min_version: 1.0", "", is_old(5)},
           {"", "", "min_version: 1.0", is_old(7)},
           {"", "", "min_version: 1.0, listeners: [in]", is_old(7)},
           {"", "", "min_version: 1.0, from: [192.0.2.7]", ""},
           {"min_version: 1.2", "", "min_version: 1.2", ""},
       }) {
    INFO(row.tls << " | " << row.listener << " | " << row.rule);
    const auto rules =
        row.rule.empty() ? std::vector<std::string>{} : std::vector<std::string>{", " + row.rule};
    CHECK(said(file(row.tls, row.listener, rules)) == row.said);
  }
}
