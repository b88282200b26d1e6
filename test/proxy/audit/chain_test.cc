// The verifier of the audit log's chain: what it lets pass, and what each kind of damage looks like.
#include "proxy/audit/chain.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "proxy/audit/event_json.h"

using namespace postern;
using Kind = audit::ChainFault::Kind;

namespace {

// A log of two runs of five lines each.
class Lines {
 public:
  explicit Lines(bool is_chained = true) : is_chained_(is_chained) {
    for (int run = 0; run < 2; ++run) {
      for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
        add(sequence, audit::NodeEvent{sequence == 1 ? "start" : "stop"});
      }
    }
  }
  void add(std::uint64_t sequence, audit::EventBody body) {
    std::string line;
    writer_.append(line, {{}, std::move(body)}, sequence, is_chained_ ? chain_ : "");
    line.pop_back();
    add(line);
  }
  void add(const std::string& line) {
    all.push_back(line);
    chain_ = audit::chain_value_after(line);
  }

  std::vector<std::string> all;

 private:
  bool is_chained_;
  audit::LineWriter writer_{{"mail.example.com", "1"}};
  std::string chain_{audit::kChainBegin};
};

std::vector<audit::ChainFault> faults_of(const std::vector<std::string>& lines) {
  audit::ChainVerifier verifier;
  std::vector<audit::ChainFault> faults;
  for (const auto& line : lines) {
    if (auto fault = verifier.feed(line)) faults.push_back(std::move(*fault));
  }
  return faults;
}

void require_one(const std::vector<std::string>& lines, Kind kind, std::uint64_t line) {
  const auto faults = faults_of(lines);
  REQUIRE(faults.size() == 1);
  INFO(faults[0].what);
  REQUIRE(faults[0].kind == kind);
  REQUIRE(faults[0].line == line);
}

std::string edited(std::string line) { return line.replace(line.find("stop"), 4, "STOP"); }

}  // namespace

TEST_CASE("a log of two runs is whole, with a chain and without") {
  for (const bool is_chained : {true, false}) {
    const Lines log(is_chained);
    audit::ChainVerifier verifier;
    for (const auto& line : log.all) REQUIRE_FALSE(verifier.feed(line));
    REQUIRE(verifier.lines() == 10);
    REQUIRE(verifier.chained() == (is_chained ? 10 : 0));
    REQUIRE(verifier.runs() == 2);
    REQUIRE(verifier.is_from_the_beginning());
    REQUIRE(verifier.last_hash() == audit::chain_value_after(log.all.back()));
  }
}

TEST_CASE("a line that was edited is told from one that is missing and from an end that was cut") {
  auto lines = Lines().all;
  SECTION("edited") {
    lines[2] = edited(lines[2]);
    require_one(lines, Kind::edited, 4);  // line 4 does not vouch for line 3
  }
  SECTION("missing") {
    lines.erase(lines.begin() + 2);
    require_one(lines, Kind::missing, 3);
  }
  SECTION("the end of a run is cut") {
    lines.erase(lines.begin() + 4);
    require_one(lines, Kind::cut, 5);
  }
  SECTION("the last line of a run was edited") {
    lines[4] = edited(lines[4]);
    require_one(lines, Kind::cut, 6);
  }
  SECTION("all before was replaced") {
    Lines other;
    other.add(R"({"@timestamp":"","event.sequence":6,"postern.chain":")" +
              std::string(audit::kChainBegin) + "\"}");
    require_one(other.all, Kind::cut, 11);
  }
  SECTION("repeated") {
    lines.insert(lines.begin() + 3, lines[2]);
    require_one(lines, Kind::misplaced, 4);
  }
  SECTION("swapped") {
    std::swap(lines[2], lines[3]);
    const auto faults = faults_of(lines);
    REQUIRE(faults.size() >= 2);
    REQUIRE(faults[0].kind == Kind::missing);
    REQUIRE(faults[1].kind == Kind::misplaced);
  }
  SECTION("a line without a hash was put in") {
    lines.insert(lines.begin() + 3, Lines(false).all[3]);
    const auto faults = faults_of(lines);
    REQUIRE_FALSE(faults.empty());
    REQUIRE(faults[0].kind == Kind::unchained);
    REQUIRE(faults[0].line == 4);
  }
  SECTION("something that is no line was put in") {
    lines.insert(lines.begin() + 3, "garbage");
    require_one(lines, Kind::unreadable, 4);
  }
}

TEST_CASE("every single changed octet of a line is found") {
  const auto lines = Lines().all;
  for (std::size_t at = 0; at < lines[3].size(); ++at) {
    auto changed = lines;
    changed[3][at] = static_cast<char>(changed[3][at] ^ 1);
    INFO(changed[3]);
    REQUIRE_FALSE(faults_of(changed).empty());
  }
}

TEST_CASE("without a chain a hole in the sequence is a missing line still") {
  auto lines = Lines(false).all;
  lines.erase(lines.begin() + 7, lines.begin() + 9);
  require_one(lines, Kind::missing, 8);
}

TEST_CASE("a loss that the log announces itself is no fault, but must be as large as it says") {
  for (const bool is_chained : {true, false}) {
    Lines log(is_chained);
    log.add(16, audit::GapEvent{"queue_full", 10});
    REQUIRE(faults_of(log.all).empty());
    log.add(27, audit::GapEvent{"queue_full", 9});
    require_one(log.all, Kind::missing, 12);
  }
}

TEST_CASE("a torn line that the chain goes on from is no fault, and is counted") {
  Lines log;
  log.add(R"({"@timestamp":"2026-)");
  log.add(1, audit::NodeEvent{"start"});
  audit::ChainVerifier verifier;
  for (const auto& line : log.all) REQUIRE_FALSE(verifier.feed(line));
  REQUIRE(verifier.torn() == 1);
}

TEST_CASE("a part of a log says that it is one") {
  auto lines = Lines().all;
  lines.erase(lines.begin());
  audit::ChainVerifier verifier;
  for (const auto& line : lines) REQUIRE_FALSE(verifier.feed(line));
  REQUIRE_FALSE(verifier.is_from_the_beginning());
}

TEST_CASE("a chain that is switched on behind lines without one vouches for them") {
  auto lines = Lines(false).all;
  audit::LineWriter writer({"mail.example.com", "1"});
  std::string line;
  writer.append(line, {{}, audit::NodeEvent{"start"}}, 1, audit::chain_value_after(lines.back()));
  line.pop_back();
  lines.push_back(line);
  REQUIRE(faults_of(lines).empty());
  lines[9] = edited(lines[9]);
  require_one(lines, Kind::cut, 11);
}

TEST_CASE("a client's text cannot play a field of the chain") {
  Lines log;
  audit::SessionEndEvent end;
  end.reason = "client_closed";
  end.session.client_name = R"(","event.sequence":99,"postern.chain":"00","x":")";
  end.session.client_named_by = "ehlo";
  log.add(6, end);
  log.add(7, end);
  REQUIRE(faults_of(log.all).empty());
}

TEST_CASE("whatever is fed, the verifier only counts it") {
  audit::ChainVerifier verifier;
  for (const std::string& line :
       {std::string(), std::string("\0", 1), std::string(R"({"@timestamp":"","event.sequence":)"),
        std::string(R"({"@timestamp":"","event.sequence":99999999999999999999999})"),
        std::string(R"({"@timestamp":"","event.sequence":-1})")}) {
    verifier.feed(line);
  }
  REQUIRE(verifier.lines() == 5);
  REQUIRE(verifier.torn() == 5);
}
