// Dated things tell, once each, that they begin to act.
#include "proxy/commands/dates.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern;
using namespace std::chrono_literals;

namespace {

conf::Date day(int year, unsigned month, unsigned of_month) {
  return std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(of_month);
}

// Two rules and a listener with dates, out of their order.
conf::Settings dated_settings() {
  conf::Settings settings;
  auto& listener = settings.listeners.emplace_back();
  listener.name = "imap";
  listener.logins.refuse_from = day(2027, 3, 1);
  auto& scanners = settings.rules.emplace_back();
  scanners.name = "scanners";
  scanners.until = day(2027, 6, 30);
  auto& stricter = settings.rules.emplace_back();
  stricter.name = "stricter";
  stricter.logins.refuse_from = day(2026, 1, 1);
  return settings;
}

// Keeps what it is told as "action rule: reason".
class Told final : public audit::Sink {
 public:
  void record(audit::Event event) override {
    const auto& body = std::get<audit::PolicyEvent>(event.body);
    all.push_back(std::string(body.action) + " " + body.rule + ": " + body.reason);
  }
  std::vector<std::string> all;
};

const std::string kStricter =
    "policy-change stricter: rule stricter: logins without TLS are refused from 2026-01-01 on";
const std::string kImap =
    "policy-change listener: listener imap: logins without TLS are refused from 2027-03-01 on";
const std::string kScanners =
    "rule-expired scanners: rule scanners held until the end of 2027-06-30";

}  // namespace

TEST_CASE("dates: a version that rises is told with the listener on which it does") {
  auto settings = dated_settings();
  settings.rules.clear();
  settings.listeners[0].logins.refuse_from.reset();
  settings.listeners[0].tls_mode = conf::TlsMode::implicit;
  settings.listeners[0].tls.min_version_from = {{conf::TlsVersion::tls1_3, day(2027, 6, 1), {}}};
  Told told;
  commands::Dates dates(settings, told);
  dates.announce(day(2027, 5, 31));
  REQUIRE(told.all.empty());
  dates.announce(day(2027, 6, 1));
  REQUIRE(told.all == std::vector<std::string>{
                          "policy-change listener: listener imap: TLS below 1.3 is refused "
                          "from 2027-06-01 on"});
}

TEST_CASE("dates: a version that rises by a rule is told with the rule") {
  auto settings = dated_settings();
  settings.rules.resize(1);
  settings.listeners[0].logins.refuse_from.reset();
  settings.listeners[0].tls_mode = conf::TlsMode::implicit;
  settings.rules[0].min_version_from.emplace() = {{conf::TlsVersion::tls1_3, day(2027, 6, 1), {}}};
  Told told;
  commands::Dates dates(settings, told);
  dates.announce(day(2027, 6, 1));
  REQUIRE(told.all ==
          std::vector<std::string>{"policy-change scanners: rule scanners: TLS below 1.3 is "
                                   "refused from 2027-06-01 on"});
}

TEST_CASE("dates: at start all that acts already is told, and nothing that is to come") {
  const auto settings = dated_settings();
  Told told;
  commands::Dates dates(settings, told);
  SECTION("before all") {
    dates.announce(day(2025, 1, 1));
    REQUIRE(told.all.empty());
  }
  SECTION("between") {
    dates.announce(day(2027, 3, 1));
    REQUIRE(told.all == std::vector<std::string>{kStricter, kImap});
  }
  SECTION("after all; a rule holds to the end of its last day") {
    dates.announce(day(2027, 7, 1) - 1s);
    REQUIRE(told.all.size() == 2);
    dates.announce(day(2027, 7, 1));
    REQUIRE(told.all == std::vector<std::string>{kStricter, kImap, kScanners});
  }
}

TEST_CASE("dates: each is told once, when its day begins, and the wait ends then") {
  const auto settings = dated_settings();
  Told told;
  commands::Dates dates(settings, told);
  audit::WallTime now = day(2027, 2, 28) + 23h + 59min;
  dates.announce(now);
  REQUIRE(told.all == std::vector<std::string>{kStricter});
  REQUIRE(dates.pause(now, 1s) == 1s);
  const auto pause = dates.pause(now, 1h);
  REQUIRE(pause > 60s);
  REQUIRE(pause < 61s);
  now += pause;
  dates.announce(now);
  dates.announce(now);
  REQUIRE(told.all == std::vector<std::string>{kStricter, kImap});
  REQUIRE(dates.pause(now, 1h) == 1h);
  // A clock that is set back says nothing twice, and does not let the wait spin.
  dates.announce(now - 48h);
  REQUIRE(told.all.size() == 2);
  now = day(2030, 1, 1);
  dates.announce(now);
  REQUIRE(told.all.size() == 3);
  REQUIRE(dates.pause(now, 1h) == 1h);
}
