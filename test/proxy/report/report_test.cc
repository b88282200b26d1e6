// The report on a made inventory: every section, in every format, as golden files.
#include "proxy/report/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "made_inventory.h"
#include "proxy/report/formats.h"

namespace postern::report {

namespace {

conf::Settings settings_with_rules() {
  conf::Settings settings;
  settings.file = "postern.yaml";
  conf::Rule scanners;
  scanners.name = "hall-scanners";
  scanners.until = std::chrono::sys_days(std::chrono::year(2027) / 6 / 30);
  scanners.owner = "facilities@example.com";
  scanners.reason = "firmware knows no TLS 1.2; replaced in June";
  scanners.place = {40, 5};
  conf::Rule old_fax;
  old_fax.name = "old-fax";
  old_fax.until = kToday - std::chrono::days(1);
  old_fax.place = {50, 5};
  settings.rules = {scanners, old_fax};
  return settings;
}

Report report_of(MadeInventory& made, const Filter& filter, std::size_t most = 100,
                 const conf::Settings* settings = nullptr) {
  auto reader = made.reader(filter);
  ReportRequest request;
  request.inventory = "inventory.db";
  request.filter = filter;
  request.now = kNow;
  request.most_rows = most;
  request.most_days = 31;
  request.settings = settings;
  auto report = make_report(reader, request);
  CHECK(reader.error() == "");
  return report;
}

std::string text_of(const Report& report, Format format) {
  std::ostringstream out;
  write(out, report, format);
  return out.str();
}

nlohmann::json json_of(const Report& report) {
  return nlohmann::json::parse(text_of(report, Format::json))["sections"];
}

Filter last_week() {
  Filter filter;
  filter.since = kToday - std::chrono::days(6);
  return filter;
}

}  // namespace

TEST_CASE("a report on a week is what the golden files say, in every format") {
  MadeInventory made;
  fill_week(made);
  const auto settings = settings_with_rules();
  const auto report = report_of(made, last_week(), 100, &settings);
  check_golden("report.txt", text_of(report, Format::table));
  check_golden("report.csv", text_of(report, Format::csv));
  check_golden("report.json", text_of(report, Format::json));
  check_golden("report.html", text_of(report, Format::html));
}

TEST_CASE("no line of a table is wider than 100 columns, and none holds a control character") {
  MadeInventory made;
  fill_week(made);
  made.add({.user = std::string(250, 'u'), .software = std::string(250, 's')});
  std::istringstream lines(text_of(report_of(made, {}), Format::table));
  for (std::string line; std::getline(lines, line);) {
    std::size_t columns = 0;
    for (const char c : line) {
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++columns;
      CHECK(static_cast<unsigned char>(c) >= 0x20);
    }
    INFO(line);
    CHECK(columns <= 100);
  }
}

TEST_CASE("a page has no script, no outside reference and no markup of a client's") {
  MadeInventory made;
  fill_week(made);
  const auto page = text_of(report_of(made, {}), Format::html);
  for (const auto* const word : {"<script", "<img", "http://x\"", "src=x o\"", "\x1b", "\xff",
                                 "\xe2\x80\xae", "@import", "url(", "href="}) {
    INFO(word);
    CHECK(page.find(word) == std::string::npos);
  }
  CHECK(page.find("&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
  CHECK(page.find("&quot;&gt;&lt;img") != std::string::npos);
  CHECK(page.find("TEST\\joe") != std::string::npos);
}

TEST_CASE("a spreadsheet gets no formula, and each field of CSV in one line") {
  MadeInventory made;
  for (const auto* const user : {"=1+1", "+1", "-1", "@SUM(A1)", "a,b", "a\"b", "a\nb"}) {
    made.add({.user = user});
  }
  auto report = report_of(made, {});
  std::erase_if(report.sections, [](const auto& section) { return section.id != "cleartext"; });
  const auto csv = text_of(report, Format::csv);
  for (const auto* const field : {"\r\n'=1+1,", "\r\n'+1,", "\r\n'-1,", "\r\n'@SUM(A1),",
                                  "\r\n\"a,b\",", "\r\n\"a\"\"b\",", "\r\na\\nb,"}) {
    INFO(field);
    CHECK(csv.find(field) != std::string::npos);
  }
}

TEST_CASE("the forgotten device is the clear one of a user who has TLS elsewhere") {
  MadeInventory made;
  fill_week(made);
  const auto rows = json_of(report_of(made, {}))["both"]["rows"];
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["user"] == "anna");
  CHECK(rows[0]["address"] == "192.0.2.9");
  CHECK(rows[0]["software"] == "K-9 Mail");
  CHECK(rows[0]["cleartext_logins"] == 5);
  CHECK(rows[0]["tls_logins"] == 75);
}

TEST_CASE("a filter lets through its time, listener, network and users, and nothing else") {
  MadeInventory made;
  fill_week(made);
  const auto users = [&](const Filter& filter) {
    std::string names;
    const auto sections = json_of(report_of(made, filter));
    for (const auto& row : sections["cleartext"]["rows"]) {
      names += row["user"].get<std::string>() + " ";
    }
    return names;
  };
  Filter filter;
  filter.since = kToday - std::chrono::days(1);
  CHECK(users(filter) == "TEST\\joe ");
  filter = {};
  filter.listener = "submission";
  CHECK(users(filter) == "scanner ");
  filter = {};
  filter.network = parse_network("192.0.2.8/31");
  CHECK(users(filter) == "anna dora ");
  filter.network = parse_network("2001:db8:1:2::17");  // within the /64 that is kept
  CHECK(users(filter) == "TEST\\joe ");
  filter = {};
  filter.user = "j?e";
  CHECK(users(filter) == "TEST\\joe ");
  filter.listener = "' OR 1 --";
  CHECK(users(filter) == "");
}

TEST_CASE("of more rows than asked for the first are shown, and how many there are") {
  MadeInventory made;
  for (int i = 0; i < 40; ++i) made.add({.user = "u" + std::to_string(i), .successes = 100 - i});
  const auto report = report_of(made, {}, 3);
  const auto section = json_of(report)["cleartext"];
  CHECK(section["total"] == 40);
  REQUIRE(section["rows"].size() == 3);
  CHECK(section["rows"][0]["user"] == "u0");
  CHECK(text_of(report, Format::table).find("… and 37 more (--all)") != std::string::npos);
}

TEST_CASE("an empty inventory makes a report that says so") {
  MadeInventory made;
  const auto report = report_of(made, last_week());
  const auto sections = json_of(report);
  CHECK(sections["summary"]["facts"]["days_since_cleartext_login"].is_null());
  CHECK(sections["summary"]["facts"]["is_complete"] == true);
  CHECK(sections["trend"]["rows"].empty());
  CHECK(text_of(report, Format::html).find("none") != std::string::npos);
}

TEST_CASE("what is missing is said: gaps, runs without an end, logins without details") {
  MadeInventory made;
  fill_week(made);
  made.add({.user = "*", .address = "*", .software = "*", .ja4 = "*", .successes = 5});
  const auto facts = json_of(report_of(made, {}))["completeness"]["facts"];
  CHECK(facts["is_complete"] == false);
  CHECK(facts["unclean_stops"] == 2);
  CHECK(facts["events_lost"] == 17);
  CHECK(facts["logins_without_details"] == 5);
  CHECK(json_of(report_of(made, {}))["gaps"]["rows"].size() == 3);
}

TEST_CASE("what is no inventory is refused, with its path") {
  MadeInventory made;
  made.run("PRAGMA user_version = 99");
  const auto later = Reader::open(made.path(), {});
  REQUIRE(std::holds_alternative<std::string>(later));
  CHECK(std::get<std::string>(later).find(made.path()) == 0);
  const auto none = Reader::open((made.folder() / "none.db").string(), {});
  REQUIRE(std::holds_alternative<std::string>(none));
}

TEST_CASE("a report changes nothing in the inventory, and may run beside its writer") {
  MadeInventory made;
  fill_week(made);
  made.run("BEGIN IMMEDIATE");
  made.add({.user = "not-yet"});
  const auto sections = json_of(report_of(made, {}));
  for (const auto& row : sections["cleartext"]["rows"]) CHECK(row["user"] != "not-yet");
  made.run("COMMIT");
}

TEST_CASE("what a clock that was years ahead has written hides no real day") {
  MadeInventory made;
  made.add({.days_ago = 2});
  made.add({.days_ago = -4000});
  const auto sections = json_of(report_of(made, {}));
  const auto& days = sections["trend"]["rows"];
  REQUIRE(days.size() == 3);
  CHECK(days[0]["cleartext_logins"] == 1);
  CHECK(days[2]["day"] == "2026-11-25");
}

TEST_CASE("rules that have expired are counted beyond what a table shows") {
  MadeInventory made;
  auto settings = settings_with_rules();
  conf::Rule expired;
  expired.until = kToday - std::chrono::days(1);
  for (int i = 0; i < 5; ++i) {
    expired.name = "old-" + std::to_string(i);
    settings.rules.push_back(expired);
  }
  const auto count = [&](std::size_t most) {
    const auto sections = json_of(report_of(made, {}, most, &settings));
    return sections["summary"]["facts"]["rules_expired"].get<int>();
  };
  CHECK(count(2) == count(100));
  CHECK(count(2) >= 5);
}

}  // namespace postern::report
