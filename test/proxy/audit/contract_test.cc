// Every kind of event against the contract, with whatever clients may put into their texts.
#include "test/proxy/audit/contract.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "proxy/audit/event_json.h"
#include "test/proxy/audit/every_event.h"

using namespace postern;
using audit_contract::fault_of;

namespace {

std::string line_of(const audit::EventBody& body, std::string_view chain = {}) {
  audit::LineWriter writer({"mail.example.com", "0.1.0"});
  std::string line;
  writer.append(line, {audit::WallTime(std::chrono::milliseconds(1795550400123)), body}, 42, chain);
  return line;
}

std::string replaced(std::string line, const std::string& from, const std::string& to) {
  const auto at = line.find(from);
  REQUIRE(at != std::string::npos);
  return line.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("every kind of event is as the contract says, full and bare, with a chain and without") {
  for (const auto& body : every_event::full([] { return std::string("some text"); })) {
    INFO(line_of(body));
    REQUIRE(fault_of(line_of(body)) == "");
    REQUIRE(fault_of(line_of(body, std::string(64, 'a'))) == "");
  }
  for (const auto& body : every_event::bare()) {
    INFO(line_of(body));
    REQUIRE(fault_of(line_of(body)) == "");
  }
}

TEST_CASE("every action of the contract that is written is among the kinds that are checked") {
  std::vector<std::string> seen;
  for (const auto& body : every_event::full([] { return std::string(); })) {
    seen.emplace_back(audit::action_of(body));
  }
  for (const auto& [action, wanted] : audit_contract::contract()["actions"].items()) {
    INFO(action);
    REQUIRE(std::find(seen.begin(), seen.end(), action) != seen.end());
  }
}

TEST_CASE("hostile texts in every field leave each line one valid object of the contract") {
  std::vector<std::string> hostile = {
      std::string("\0\x01\x1f\x7f", 4),
      "\",\"event.outcome\":\"success",
      "\n{\"@timestamp\":\"\"}\n",
      "\\",
      "\\\"",
      "\\u0022",
      "CORP\\anna",
      "\\anna",
      "CORP\\",
      "a\\b\\c",
      "\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",  // overlong, surrogate, beyond Unicode
      "\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbf\xf0\x9f\x93\xa7",
      "\xf0\x9f\x93",
      std::string(255, 'x') + "\xc3\xa9",
      std::string(254, 'x') + "\xc3\xa9",
      std::string(100'000, '"'),
      std::string(300, '\xff'),
  };
  for (int octet = 0; octet < 256; ++octet) hostile.emplace_back(1, static_cast<char>(octet));
  for (const auto& text : hostile) {
    for (const auto& body : every_event::full([&] { return text; })) {
      INFO(line_of(body));
      REQUIRE(fault_of(line_of(body)) == "");
    }
  }
}

TEST_CASE("the checker of lines sees what is wrong with one") {
  audit::LoginEvent event{every_event::session_with([] { return std::string("x"); }),
                          {"PLAIN", false, "anna", "", ""},
                          true,
                          std::chrono::milliseconds(5),
                          "allow",
                          "listener",
                          {}};
  const auto line = line_of(event);
  REQUIRE(fault_of(line) == "");
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"\n", ""},
      {"anna", "a\x01"},
      {"}\n", "\n"},
      {"\"user.name\"", "\"user.nom\""},
      {"\"log.level\":\"info\",", ""},
      {"\"log.level\":\"info\"", "\"log.level\":\"warn\""},
      {"\"log.level\":\"info\",\"event.action\":\"login\"",
       "\"event.action\":\"login\",\"log.level\":\"info\""},
      {"\"user.name\":\"anna\"", "\"user.name\":\"anna\",\"user.name\":\"anna\""},
      {"\"user.name\":\"anna\"", "\"user.name\":null"},
      {"\"user.name\":\"anna\"", "\"user.name\":\"\""},
      {"\"user.name\":\"anna\"", "\"user.name\":\"" + std::string(257, 'x') + "\""},
      {"\"user.name\":\"anna\"", "\"user.name\":\"anna\",\"user.hash\":\"00\""},
      {"\"user.name\":\"anna\"", "\"user.domain\":\"CORP\""},
      {"\"event.action\":\"login\"", "\"event.action\":\"logout\""},
      {"authentication", "network"},
      {"\"event.outcome\":\"success\"", "\"event.outcome\":\"failure\",\"event.reason\":\"x\""},
      {"\"event.outcome\":\"success\",", ""},
      {"192.0.2.7", "192.0.2.700"},
      {"\"source.port\":50000", "\"source.port\":\"50000\""},
      {"2026-11", "2026_11"},
      {"\"tls.version\":\"1.3\",", ""},
      {"\"tls.version\":\"1.3\"", "\"tls.version\":\"1.4\""},
      {"\"user.name\"", "\"bytes.in\":1,\"user.name\""},
      {"\"user.name\"", "\"postern.last_command\":\"X\",\"user.name\""},
  };
  for (const auto& [from, to] : changes) {
    INFO(from << " -> " << to);
    REQUIRE(fault_of(replaced(line, from, to)) != "");
  }
}
