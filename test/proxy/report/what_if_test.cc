// What-if: its verdicts, one row an idea, and its report as golden files.
#include "proxy/report/what_if.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "made_inventory.h"
#include "proxy/report/formats.h"

namespace postern::report {

namespace {

using conf::CleartextLogin;
using conf::TlsMode;
using conf::TlsVersion;

// As a file of next year would be loaded: each key has its line.
conf::Settings next_settings() {
  conf::Settings settings;
  settings.file = "next.yaml";
  settings.tls.min_version_place = {2, 16};
  const auto add = [&](const char* name, TlsMode mode, int line) {
    conf::Listener listener;
    listener.name = name;
    listener.tls_mode = mode;
    listener.tls = settings.tls;
    listener.place = {line, 5};
    listener.tls_mode_place = {line, 40};
    settings.listeners.push_back(listener);
  };
  add("imap", TlsMode::optional, 10);
  add("imaps", TlsMode::implicit, 11);
  add("submission", TlsMode::required, 12);
  settings.listeners[0].logins.cleartext_login = CleartextLogin::warn;
  settings.listeners[0].logins.cleartext_login_place = {10, 50};
  return settings;
}

conf::Prefix network(std::string_view text) { return parse_network(text).value(); }

conf::Rule& add_rule(conf::Settings& settings, const char* name, int line) {
  conf::Rule rule;
  rule.name = name;
  rule.place = {line, 5};
  settings.rules.push_back(rule);
  return settings.rules.back();
}

void observe(conf::Rule& rule) {
  rule.logins.cleartext_login = CleartextLogin::observe;
  rule.logins.cleartext_login_place = {rule.place.line + 1, 5};
}

SeenLogin clear_login() {
  SeenLogin login;
  login.user = "anna";
  login.listener = "imap";
  login.address = "192.0.2.7";
  login.software = "Thunderbird";
  login.security = "cleartext";
  login.successes = 1;
  return login;
}

SeenLogin tls_login(std::string version, std::string versions, std::string ciphers) {
  auto login = clear_login();
  login.security = "starttls";
  login.tls_version = std::move(version);
  login.versions = std::move(versions);
  login.ciphers = std::move(ciphers);
  return login;
}

Judgement judged(const conf::Settings& settings, const SeenLogin& login, policy::Moment at = kToday,
                 std::vector<std::uint16_t> suites = {}) {
  WhatIfRequest request;
  request.next = &settings;
  request.at = at;
  request.suites = std::move(suites);
  return judge(request, login);
}

}  // namespace

TEST_CASE("what-if asks the listener, its date and its share") {
  auto settings = next_settings();
  auto& logins = settings.listeners[0].logins;
  CHECK(judged(settings, clear_login()).outcome == Outcome::warned);

  logins.refuse_share = conf::Share{1000};
  logins.refuse_share_place = {10, 80};
  const auto part = judged(settings, clear_login());
  CHECK(part.outcome == Outcome::in_part);
  CHECK(part.share.value == 1000);
  CHECK(part.place.column == 80);
  // Whoever of them is unlucky at this hour: the answer does not depend on it.
  for (int hour = 0; hour < 30; ++hour) {
    CHECK(judged(settings, clear_login(), policy::Moment(kToday) + std::chrono::hours(hour))
              .outcome == Outcome::in_part);
  }
  logins.refuse_share = conf::Share{0};
  CHECK(judged(settings, clear_login()).outcome == Outcome::warned);
  logins.refuse_share = conf::Share{conf::Share::kAll};
  CHECK(judged(settings, clear_login()).outcome == Outcome::refused);

  logins.refuse_share.reset();
  logins.refuse_from = kToday + std::chrono::days(7);
  logins.refuse_from_place = {10, 60};
  CHECK(judged(settings, clear_login()).outcome == Outcome::warned);
  const auto later = judged(settings, clear_login(), kToday + std::chrono::days(7));
  CHECK(later.outcome == Outcome::refused);
  CHECK(later.reason == "cleartext");
  CHECK(later.place.column == 60);
}

TEST_CASE("what-if finds a listener by its name, and says when it is gone") {
  auto settings = next_settings();
  auto login = clear_login();
  login.listener = "submission";
  CHECK(judged(settings, login).outcome == Outcome::refused);
  CHECK(judged(settings, login).place.line == 12);
  login.listener = "pop3";
  CHECK(judged(settings, login).outcome == Outcome::gone);
}

TEST_CASE("what-if knows a port that no longer speaks TLS in the client's way") {
  auto settings = next_settings();
  auto login = tls_login("1.3", "[772]", "[4865]");
  CHECK(judged(settings, login).outcome == Outcome::allowed);
  settings.listeners[0].tls_mode = TlsMode::none;
  CHECK(judged(settings, login).reason == "no_starttls");
  settings.listeners[0].tls_mode = TlsMode::implicit;
  CHECK(judged(settings, login).reason == "no_starttls");
  login.security = "implicit";
  CHECK(judged(settings, login).outcome == Outcome::allowed);
  settings.listeners[0].tls_mode = TlsMode::optional;
  CHECK(judged(settings, login).reason == "no_implicit_tls");
  settings.listeners[0].tls_mode = TlsMode::automatic;
  CHECK(judged(settings, login).outcome == Outcome::allowed);
  login.security = "starttls";
  CHECK(judged(settings, login).outcome == Outcome::allowed);
  CHECK(judged(settings, clear_login()).outcome == Outcome::warned);
}

TEST_CASE("what-if goes by what the client offered, not by what it got") {
  const auto settings = next_settings();  // from 1.2 on
  const auto old = judged(settings, tls_login("1.0", "[769]", "[47]"));
  CHECK(old.outcome == Outcome::refused);
  CHECK(old.reason == "tls_version");
  CHECK(old.place.line == 2);
  const auto able = judged(settings, tls_login("1.0", "[769,770,771]", "[47]"));
  CHECK(able.outcome == Outcome::allowed);
  CHECK(able.tls_version == "1.2");
  // Without its offer: by what it got.
  CHECK(judged(settings, tls_login("1.1", "", "")).outcome == Outcome::refused);
  CHECK(judged(settings, tls_login("1.2", "", "")).outcome == Outcome::allowed);
  CHECK(judged(settings, tls_login("", "", "")).outcome == Outcome::unknown);
  // A ceiling counts too.
  auto capped = settings;
  capped.listeners[0].tls.max_version = TlsVersion::tls1_2;
  CHECK(judged(capped, tls_login("1.3", "[772,771]", "")).tls_version == "1.2");
  CHECK(judged(capped, tls_login("1.3", "[772]", "")).outcome == Outcome::refused);
}

TEST_CASE("what-if tells whom a list of suites would leave without one") {
  const auto settings = next_settings();
  const auto at = policy::Moment(kToday);
  const std::vector<std::uint16_t> only_gcm = {0xc02f, 0x1301};
  CHECK(judged(settings, tls_login("1.2", "[771]", "[49199,47]"), at, only_gcm).outcome ==
        Outcome::allowed);
  CHECK(judged(settings, tls_login("1.2", "[771]", "[47]"), at, only_gcm).reason == "suites");
  CHECK(judged(settings, tls_login("1.3", "[772]", "[4865]"), at, only_gcm).outcome ==
        Outcome::allowed);
  // A suite of TLS 1.3 is none for 1.2, and the other way round.
  CHECK(judged(settings, tls_login("1.2", "[771]", "[4865]"), at, only_gcm).reason == "suites");
  CHECK(judged(settings, tls_login("1.3", "[772]", "[4865]"), at, {0xc02f}).reason == "suites");
  CHECK(judged(settings, tls_login("1.2", "[771]", ""), at, only_gcm).outcome == Outcome::unknown);
  CHECK(judged(settings, clear_login(), at, only_gcm).outcome == Outcome::warned);
}

TEST_CASE("what-if judges by users and addresses, and says where it cannot") {
  auto settings = next_settings();
  settings.listeners[0].logins.cleartext_login = CleartextLogin::refuse;
  auto& people = add_rule(settings, "people", 20);
  people.users = {"anna"};
  observe(people);
  auto& lan = add_rule(settings, "lan", 30);
  lan.from = {network("192.0.2.64/28")};
  observe(lan);
  auto& part = add_rule(settings, "part", 40);
  part.from = {network("2001:db8:1:2::7")};
  observe(part);

  auto login = clear_login();
  CHECK(judged(settings, login).outcome == Outcome::allowed);
  CHECK(judged(settings, login).rule == "people");
  CHECK(judged(settings, login).place.line == 21);
  CHECK(judged(settings, login).reservations.empty());
  login.user = "bob";
  CHECK(judged(settings, login).outcome == Outcome::refused);
  login.address = "192.0.2.66";
  CHECK(judged(settings, login).rule == "lan");

  login = clear_login();
  login.user = "9f2c44";
  login.user_is_hash = true;
  const auto hashed = judged(settings, login);
  CHECK(hashed.outcome == Outcome::refused);
  REQUIRE(hashed.reservations.size() == 1);
  CHECK(hashed.reservations[0].find("rule people") == 0);

  // A mechanism that shows no name: the live proxy does not know it either.
  login.user = "";
  login.user_is_hash = false;
  CHECK(judged(settings, login).outcome == Outcome::refused);
  CHECK(judged(settings, login).reservations.empty());

  login.user = "bob";
  login.address = "2001:db8:1:2::/64";
  const auto wide = judged(settings, login);
  CHECK(wide.outcome == Outcome::refused);
  REQUIRE(wide.reservations.size() == 1);
  CHECK(wide.reservations[0].find("2001:db8:1:2::7") != std::string::npos);
  login.address = "2001:db8:1:3::/64";
  CHECK(judged(settings, login).reservations.empty());
}

TEST_CASE("what-if asks for a later day, on which a rule is over") {
  auto settings = next_settings();
  settings.listeners[0].logins.cleartext_login = CleartextLogin::refuse;
  auto& rule = add_rule(settings, "scanners", 20);
  rule.until = kToday;
  observe(rule);
  CHECK(judged(settings, clear_login(), kToday).outcome == Outcome::allowed);
  CHECK(judged(settings, clear_login(), kToday + std::chrono::days(1)).outcome == Outcome::refused);
}

TEST_CASE("whether a client has the certificate that a rule needs is not known, but in clear") {
  auto settings = next_settings();
  auto& rule = add_rule(settings, "administrators", 20);
  rule.needs_certificate = true;
  rule.certificate_place = {21, 5};
  const auto under_tls = judged(settings, tls_login("1.3", "", ""));
  CHECK(under_tls.outcome == Outcome::unknown);
  CHECK(under_tls.reason == "certificate");
  CHECK(under_tls.place.line == 21);
  REQUIRE(under_tls.reservations.size() == 1);
  CHECK(under_tls.reservations[0].find("rule administrators needs a client certificate") == 0);
  const auto in_clear = judged(settings, clear_login());
  CHECK(in_clear.outcome == Outcome::refused);
  CHECK(in_clear.reason == "certificate");
}

TEST_CASE("what was counted without details is not judged") {
  const auto settings = next_settings();
  auto login = clear_login();
  login.user = "*";
  login.address = "*";
  CHECK(judged(settings, login).outcome == Outcome::unknown);
}

TEST_CASE("who is refused but has shown better is marked, by user and by device") {
  MadeInventory made;
  made.add({.user = "anna", .address = "192.0.2.7", .software = "Mail"});
  made.add({.user = "anna", .address = "192.0.2.9", .software = "Other"});
  made.add({.user = "carl", .address = "192.0.2.11", .software = "Mail"});
  made.add({.user = "dora", .address = "192.0.2.12", .software = ""});
  for (const auto* const address : {"192.0.2.8", "192.0.2.12"}) {
    made.add({.user = "anna",
              .address = address,
              .software = "Mail",
              .security = "starttls",
              .version = "1.3"});
  }
  made.add({.user = "erik",
            .address = "192.0.2.11",
            .software = "Mail",
            .security = "starttls",
            .version = "1.3",
            .successes = 0,
            .failures = 3});
  auto settings = next_settings();
  settings.listeners[0].logins.cleartext_login = CleartextLogin::refuse;
  auto reader = made.reader();
  WhatIfRequest request;
  request.next = &settings;
  request.at = kToday;
  std::string better;
  for (const auto& row : ask_what_if(reader, request)) {
    if (row.has_shown_better) better += row.login.user + "@" + row.login.address + " ";
  }
  CHECK(better == "anna@192.0.2.7 ");
}

TEST_CASE("what-if on a week is what the golden files say") {
  MadeInventory made;
  fill_week(made);
  auto settings = next_settings();
  settings.listeners[0].logins.refuse_share = conf::Share{2500};
  settings.listeners[0].logins.refuse_share_place = {10, 80};
  auto& scanners = add_rule(settings, "hall-scanners", 20);
  scanners.from = {network("192.0.2.64/28")};
  scanners.tls_mode = TlsMode::optional;
  observe(scanners);
  auto& people = add_rule(settings, "people", 30);
  people.users = {"dora"};
  people.logins.cleartext_login = CleartextLogin::refuse;
  people.logins.cleartext_login_place = {31, 5};
  auto reader = made.reader();
  WhatIfRequest request;
  request.next = &settings;
  request.at = kToday;
  request.suites = {0xc02f, 0x1301};
  const auto report = what_if_report(reader, request, {}, "inventory.db", 100);
  CHECK(reader.error() == "");
  std::ostringstream table;
  write_table(table, report);
  check_golden("what_if.txt", table.str());
  std::ostringstream json;
  write_json(json, report);
  check_golden("what_if.json", json.str());
}

}  // namespace postern::report
