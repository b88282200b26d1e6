// The commands: the words they take, the files they find, their exit status.
#include "proxy/report/commands.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "made_inventory.h"
#include "proxy/report/tail.h"

namespace postern::report {

namespace {

struct Outcome {
  int status;
  std::string out;
  std::string messages;
};

using Command = int (*)(const Asked&, Moment, std::ostream&, std::ostream&);

Outcome run(Command command, const Asked& asked) {
  std::ostringstream out;
  std::ostringstream messages;
  const int status = command(asked, kNow, out, messages);
  return {status, out.str(), messages.str()};
}

std::string write_settings(const MadeInventory& made, const std::string& inventory) {
  const auto path = (made.folder() / "postern.yaml").string();
  std::ofstream(path)
      << "backends:\n  old: {servers: [\"127.0.0.1:143\"]}\nlisteners:\n"
         "  - {name: imap, protocol: imap, address: \"127.0.0.1:1143\", tls: none,\n"
         "     cleartext_login: observe, backend: old}\n"
         "audit: {inventory: \""
      << inventory << "\"}\n";
  return path;
}

}  // namespace

TEST_CASE("words that cannot be understood are named, with the exit status 2") {
  MadeInventory made;
  Asked good;
  good.inventory = made.path();
  good.table = "login";
  const auto refused = [&](Command command, auto change, const char* named) {
    auto asked = good;
    change(asked);
    const auto outcome = run(command, asked);
    INFO(named);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.messages.find(named) != std::string::npos);
  };
  refused(
      report_command, [](auto& a) { a.since = "yesterday"; }, "--since");
  refused(
      report_command, [](auto& a) { a.network = "192.0.2.1/24"; }, "--network");
  refused(
      report_command, [](auto& a) { a.format = "pdf"; }, "--format");
  refused(
      report_command, [](auto& a) { a.section = "none"; }, "cleartext");
  refused(
      report_command, [](auto& a) { a.inventory = ""; }, "--config");
  refused(
      what_if_command, [](auto&) {}, "--config");
  refused(
      export_command, [](auto&) {}, "--format");
  refused(
      export_command, [](auto& a) { a.format = "csv", a.table = "sqlite_schema"; }, "--table");
}

TEST_CASE("the inventory is found by the settings file") {
  MadeInventory made;
  fill_week(made);
  Asked asked;
  asked.config = write_settings(made, "sqlite:" + made.path());
  asked.format = "csv";
  asked.section = "cleartext";
  const auto report = run(report_command, asked);
  CHECK(report.messages == "");
  CHECK(report.status == 0);
  CHECK(report.out.find("user,user_is_hash,logins") == 0);
  CHECK(report.out.find("\r\nscanner,false,30,") != std::string::npos);

  asked.format = "json";
  asked.section = "";
  asked.at = "2026-13-01";
  CHECK(run(what_if_command, asked).status == 2);
  asked.at = "2027-01-01";
  asked.suites = "TLS_NO_SUCH";
  CHECK(run(what_if_command, asked).messages.find("TLS_NO_SUCH") != std::string::npos);
  asked.suites = "TLS_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA";
  const auto what_if = run(what_if_command, asked);
  CHECK(what_if.status == 0);
  const auto json = nlohmann::json::parse(what_if.out);
  CHECK(json["about"]["at"] == "2027-01-01T00:00:00.000Z");
  CHECK(json["sections"]["summary"]["facts"]["gone"].get<int>() > 0);
}

TEST_CASE("settings without an inventory, or with one that is not there, end with 1") {
  MadeInventory made;
  Asked asked;
  asked.config = write_settings(made, "none");
  auto outcome = run(report_command, asked);
  CHECK(outcome.status == 1);
  CHECK(outcome.messages.find("audit.inventory: none") != std::string::npos);
  const auto path = (made.folder() / "nowhere.db").string();
  asked.config = write_settings(made, "sqlite:" + path);
  outcome = run(report_command, asked);
  CHECK(outcome.status == 1);
  CHECK(outcome.messages.find(path) != std::string::npos);
}

TEST_CASE("an export has every row once, as JSON lines and as CSV") {
  MadeInventory made;
  fill_week(made);
  Asked asked;
  asked.inventory = made.path();
  asked.since = "all";
  asked.format = "json";
  for (const auto* const table :
       {"login", "fingerprint", "handshake_failure", "abandoned", "gap", "run"}) {
    INFO(table);
    asked.table = table;
    const auto outcome = run(export_command, asked);
    CHECK(outcome.messages == "");
    std::istringstream lines(outcome.out);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      CHECK(nlohmann::json::parse(line).is_object());
    }
    CHECK(count > 0);
    auto reader = made.reader();
    CHECK(static_cast<std::int64_t>(count) ==
          reader.integer(std::string("SELECT COUNT(*) FROM main.") + table));
  }
  asked.table = "login";
  asked.format = "csv";
  asked.user = "anna";
  const auto csv = run(export_command, asked).out;
  CHECK(csv.find("day,user,user_is_hash,listener,") == 0);
  CHECK(csv.find("scanner") == std::string::npos);
  CHECK(csv.find("\r\n2026-11-23,anna,false,imap,192.0.2.9,K-9 Mail,") != std::string::npos);
}

TEST_CASE("a line of the audit log reads well, and a hostile one harms no terminal") {
  struct {
    std::string_view line;
    std::string_view shown;
  } const rows[] = {
      {R"({"@timestamp":"2026-11-24T20:00:00.123Z","event.action":"login","event.outcome":"success",)"
       R"("postern.listener":"imap","source.ip":"192.0.2.7","postern.security":"cleartext",)"
       R"("postern.auth.mechanism":"LOGIN","postern.auth.secret_exposed":true,)"
       R"("postern.policy.verdict":"warn","postern.policy.rule":"lan","user.name":"joe",)"
       R"("user.domain":"TEST","user_agent.original":"Eudora"})",
       "2026-11-24T20:00:00.123Z login             imap         192.0.2.7       cleartext "
       "TEST\\joe mechanism=LOGIN EXPOSED warned rule=lan with=Eudora"},
      {R"({"@timestamp":"t","event.action":"login","event.outcome":"failure",)"
       R"("postern.listener":"imaps","source.ip":"2001:db8::1","tls.version":"1.3",)"
       R"("user.hash":"ab12","user_agent.original":"\u001b[2J\u202e"})",
       "t                        login failed      imaps        2001:db8::1     TLS 1.3   "
       "hash:ab12 with=\\x1b[2J\\u{202e}"},
      {R"({"@timestamp":"t","event.action":"audit-gap","event.reason":"queue_full"})",
       "t                        audit-gap         reason=queue_full"},
      {"no \x1b json", "no \\x1b json"},
      {R"(["event.action"])", R"(["event.action"])"},
  };
  for (const auto& row : rows) CHECK(readable_line(row.line) == row.shown);
}

TEST_CASE("tail shows the last lines of the log, without the rest") {
  MadeInventory made;
  TailRequest request;
  request.file = (made.folder() / "audit.jsonl").string();
  {
    std::ofstream log(request.file);
    for (int i = 0; i < 1000; ++i) log << "line " << i << "\n";
    log << "torn";
  }
  request.lines = 2;
  std::ostringstream out;
  std::ostringstream messages;
  CHECK(tail_command(request, out, messages) == 0);
  CHECK(out.str() == "line 998\nline 999\n");
  request.file += ".none";
  CHECK(tail_command(request, out, messages) == 1);
  CHECK(messages.str().find("audit.jsonl.none") != std::string::npos);
}

}  // namespace postern::report
