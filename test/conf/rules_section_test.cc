// Rules as read: every key arrives with its place, and what is wrong is said.
#include "conf/rules_section.h"

#include <catch2/catch.hpp>
#include <string>

#include "conf/dates.h"
#include "conf/prefixes.h"
#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

constexpr std::string_view kStart = "rules: [{name: r, ";

// The faults of one rule with these keys before a good rest. `keys` must come out as one message,
// "column: message", where columns count from the first of them.
void require_fault(const std::string& keys, const std::string& message) {
  const std::string line = std::string(kStart) + keys + "}]";
  const auto column = std::stoul(message) + kStart.size();
  REQUIRE(faults_before_rest(line + "\n") == "p.yaml:1:" + std::to_string(column) +
                                                 message.substr(message.find(':')) + "\n" + line +
                                                 "\n" + std::string(column - 1, ' ') + "^\n");
}

void require_position(Place place, int line, int column) {
  REQUIRE(place.line == line);
  REQUIRE(place.column == column);
}

}  // namespace

TEST_CASE("every key of a rule arrives, with its place") {
  const auto loaded = load_text(R"(certificates: [{chain: a, key: b}]
backends: {ex: {servers: ["192.0.2.10:25"]}}
rules:
  - name: first
    from: ["192.0.2.64/28", "2001:db8::/33", "::ffff:198.51.100.7"]
    listeners: [b, a]
    tls: optional
    min_version: "1.0"
    bare_newlines: pass
    cleartext_login: warn
    refuse_from: 2027-03-01
    refuse_share: 0.5%
    until: 2027-06-30
    owner: "Jo\u00ebl, room 12"
    reason: no newer firmware
  - {name: second, users: ["SVC-*", 'CORP\Copier?'], cleartext_login: refuse}
listeners:
  - {name: a, protocol: smtp, address: "0.0.0.0:25", tls: required, backend: ex}
  - {name: b, protocol: submission, address: "0.0.0.0:587", tls: required, backend: ex,
     cleartext_login: observe, refuse_from: 2028-01-01, refuse_share: 100%, old_tls: explain}
tls: {old_tls: alert}
)",
                                "p.yaml");
  REQUIRE(text_of(loaded.diagnostics).empty());
  REQUIRE(loaded.settings);
  REQUIRE(loaded.settings->rules.size() == 2);
  const Rule& first = loaded.settings->rules[0];
  CHECK(first.name == "first");
  require_position(first.place, 4, 5);
  REQUIRE(first.from.size() == 3);
  CHECK(prefix_text(first.from[0]) == "192.0.2.64/28");
  CHECK(prefix_text(first.from[1]) == "2001:db8::/33");
  CHECK(prefix_text(first.from[2]) == "198.51.100.7");
  CHECK(first.listeners == std::vector<std::size_t>{1, 0});
  CHECK(first.users.empty());
  CHECK(first.tls_mode == TlsMode::optional);
  require_position(first.tls_mode_place, 7, 10);
  CHECK(first.min_version == TlsVersion::tls1_0);
  require_position(first.min_version_place, 8, 18);
  CHECK(first.bare_newlines == BareNewlines::pass);
  CHECK(first.logins.cleartext_login == CleartextLogin::warn);
  require_position(first.logins.cleartext_login_place, 10, 22);
  CHECK(first.logins.refuse_from == parse_date("2027-03-01").value);
  require_position(first.logins.refuse_from_place, 11, 18);
  CHECK(first.logins.refuse_share == Share{50});
  require_position(first.logins.refuse_share_place, 12, 19);
  CHECK(first.until == parse_date("2027-06-30").value);
  require_position(first.until_place, 13, 12);
  CHECK(first.owner == "Jo\xC3\xABl, room 12");
  CHECK(first.reason == "no newer firmware");
  const Rule& second = loaded.settings->rules[1];
  CHECK(second.from.empty());
  CHECK(second.listeners.empty());
  CHECK(second.users == std::vector<std::string>{"svc-*", "corp\\copier?"});
  CHECK(second.logins.cleartext_login == CleartextLogin::refuse);
  CHECK_FALSE(second.tls_mode);
  CHECK_FALSE(second.until);
  CHECK(second.tls_mode_place.line == 0);
  const Listener& b = loaded.settings->listeners[1];
  CHECK(b.logins.refuse_from == parse_date("2028-01-01").value);
  require_position(b.logins.refuse_from_place, 20, 45);
  CHECK(b.logins.refuse_share == Share{Share::kAll});
  require_position(b.logins.refuse_share_place, 20, 71);
  CHECK(b.tls.old_tls == OldTls::explain);
  CHECK(loaded.settings->listeners[0].tls.old_tls == OldTls::alert);
}

TEST_CASE("without rules, or with an empty list of them, there are none") {
  REQUIRE(load_text(kRest, "p.yaml").settings->rules.empty());
  REQUIRE(load_text("rules: []\n" + std::string(kRest), "p.yaml").settings->rules.empty());
}

TEST_CASE("what is no rule") {
  const auto fault = [](const std::string& line, const std::string& message) {
    const auto column = std::stoul(message);
    REQUIRE(faults_before_rest(line + "\n") ==
            "p.yaml:1:" + message + "\n" + line + "\n" + std::string(column - 1, ' ') + "^\n");
  };
  fault("rules: {name: r}", "8: rules: expected a list of rules, found a mapping");
  fault("rules: ", "1: rules: expected a list of rules, found nothing");
  fault("rules: [r]", "9: rules[]: expected a mapping with name and what holds by it, found `r`");
  fault("rules: [{cleartext_login: warn}]",
        "9: rules[].name is missing; expected a name for logs and events");
  fault("rules: [{name: r, fro: [192.0.2.7], cleartext_login: warn}]",
        "19: unknown key `fro`; did you mean `from`?");
}

TEST_CASE("a rule that says nothing is a mistake, whomever it is for") {
  const std::string message =
      "rules[]: says nothing; expected tls, min_version, min_version_from, profile, "
      "bare_newlines, certificate, cleartext_login, refuse_from or refuse_share";
  for (const std::string keys :
       {"", ", from: [192.0.2.7]", ", users: [u], until: 2027-01-01", ", owner: o, reason: r"}) {
    const std::string line = "rules: [{name: r" + keys + "}]";
    REQUIRE(faults_before_rest(line + "\n") ==
            "p.yaml:1:9: " + message + "\n" + line + "\n        ^\n");
  }
}

TEST_CASE("an empty list in a rule would be everybody, and is refused") {
  require_fault("cleartext_login: warn, from: []",
                "30: rules[].from: expected a list of networks, such as [\"192.0.2.64/28\"], found "
                "an empty list");
  require_fault("cleartext_login: warn, listeners: []",
                "35: rules[].listeners: expected a list of listeners' names, such as [imap], found "
                "an empty list");
  require_fault("cleartext_login: warn, users: []",
                "31: rules[].users: expected a list of users' names, such as [\"svc-*\"], found an "
                "empty list");
  require_fault("cleartext_login: warn, from: ",
                "24: rules[].from: expected a list of networks, such as [\"192.0.2.64/28\"], found "
                "nothing");
  require_fault("cleartext_login: warn, users: u",
                "31: rules[].users: expected a list of users' names, such as [\"svc-*\"], found "
                "`u`");
}

TEST_CASE("a rule's values that are wrong") {
  require_fault("cleartext_login: allow",
                "18: rules[].cleartext_login: expected refuse, warn or observe, found `allow`");
  require_fault("tls: implicit",
                "6: rules[].tls: expected required, optional or none, found `implicit`");
  require_fault("min_version: 1.4",
                "14: rules[].min_version: expected 1.0, 1.1, 1.2 or 1.3, found `1.4`");
  require_fault("bare_newlines: fix",
                "16: rules[].bare_newlines: expected reject or pass, found `fix`");
  require_fault("refuse_from: 2027-02-29",
                "14: rules[].refuse_from: expected a day of the calendar, from 1970-01-01 to "
                "2261-12-31, found "
                "`2027-02-29`");
  require_fault("refuse_from: ~",
                "1: rules[].refuse_from: expected a date as YYYY-MM-DD, such as 2027-03-01, found "
                "nothing");
  require_fault("refuse_share: 110%",
                "15: rules[].refuse_share: expected a share from 0% to 100%, such as 10% or 0.5%, "
                "found `110%`");
  require_fault("cleartext_login: warn, until: June",
                "31: rules[].until: expected a date as YYYY-MM-DD, such as 2027-03-01, found "
                "`June`");
  require_fault("cleartext_login: warn, from: [192.0.2.65/28]",
                "31: rules[].from[]: expected 192.0.2.64/28 (bits behind the prefix are 0), found "
                "`192.0.2.65/28`");
  require_fault(
      "cleartext_login: warn, listeners: [m x]",
      "36: rules[].listeners[]: expected 1 to 64 letters, digits, `.`, `_` and `-`, found "
      "`m x`");
  require_fault(
      "cleartext_login: warn, users: ['']",
      "32: rules[].users[]: expected a name of at most 256 octets, in which `*` stands for "
      "any characters, found ``");
  require_fault(
      "cleartext_login: warn, users: [\"a\\nb\"]",
      "32: rules[].users[]: expected a name of at most 256 octets, in which `*` stands for "
      "any characters, found `a?b`");
  require_fault("cleartext_login: warn, owner: " + std::string(257, 'o'),
                "31: rules[].owner: expected text of at most 256 octets on one line, found `" +
                    std::string(60, 'o') + "...`");
  require_fault("cleartext_login: warn, reason: \"a\\nb\"",
                "32: rules[].reason: expected text of at most 256 octets on one line, found `a?b`");
}

TEST_CASE("rules, their networks and their users have a most") {
  const auto many = [](const std::string& item, std::size_t count) {
    std::string out = "[";
    for (std::size_t i = 0; i < count; ++i) out += item + ",\n";
    return out + "]";
  };
  const auto has = [](const std::string& keys, const std::string& message) {
    return faults_before_rest("rules: [{name: r, cleartext_login: warn, " + keys + "}]\n")
               .find(message) != std::string::npos;
  };
  REQUIRE_FALSE(has("from: " + many("192.0.2.7", 1000), "at most"));
  REQUIRE(has("from: " + many("192.0.2.7", 1001),
              "rules[].from: expected at most 1000 items, found 1001\n"));
  REQUIRE(
      has("users: " + many("u", 1001), "rules[].users: expected at most 1000 items, found 1001\n"));
  std::string rules = "rules:\n";
  for (int i = 0; i < 1001; ++i)
    rules += "  - {name: r" + std::to_string(i) + ", users: [u" + std::to_string(i) +
             "], cleartext_login: warn}\n";
  REQUIRE(faults_before_rest(rules).find("rules: expected at most 1000 items, found 1001\n") !=
          std::string::npos);
}
