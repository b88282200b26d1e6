// A certificate's end is told in time, and each threshold once.
#include "proxy/admin/expiry.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/proxy/admin/served_certificates.h"

using namespace postern;
using namespace std::chrono_literals;
using std::chrono::days;

namespace {

const audit::WallTime kEnd{2'000'000'000s};  // 2033-05-18 03:33:20

// Keeps what it is told as "first name: reason".
class Told final : public audit::Sink {
 public:
  void record(audit::Event event) override {
    const auto& body = std::get<audit::CertificateEvent>(event.body);
    CHECK(body.action == "certificate-expiry");
    CHECK(body.outcome.empty());
    CHECK(body.not_after.has_value());
    CHECK(!body.serial.empty());
    all.push_back(body.names.front() + ": " + body.reason);
  }
  // What came since the last call.
  std::vector<std::string> take() { return std::exchange(all, {}); }
  std::vector<std::string> all;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("expiry: at 30, 14, 7, 3 and 1 days before, and at the end, each once") {
  test::ServedCertificates certificates;
  certificates.add({"a.example"}, kEnd);
  Told told;
  admin::Expiry expiry(told);
  expiry.serve(certificates.all());
  audit::WallTime now = kEnd - days(31);
  expiry.announce(now);
  REQUIRE(told.take().empty());
  const std::string on = "2033-05-18 03:33 UTC";
  for (const auto& [left, words] :
       std::vector<std::pair<days, std::string>>{{days(30), "it expires in 29 days, on "},
                                                 {days(14), "it expires in 13 days, on "},
                                                 {days(7), "it expires in 6 days, on "},
                                                 {days(3), "it expires in 2 days, on "},
                                                 {days(1), "it expires in less than a day, on "},
                                                 {days(0), "it has expired on "}}) {
    INFO(left.count());
    // One that waits as long as it is told does not miss it.
    const auto pause = expiry.pause(now, std::chrono::hours(24 * 365));
    REQUIRE(now + pause >= kEnd - left);
    REQUIRE(now + pause <= kEnd - left + 1s);
    expiry.announce(kEnd - left - 1s);
    REQUIRE(told.take().empty());
    now += pause;
    expiry.announce(now);
    REQUIRE(told.take() == Texts{"a.example: " + words + on});
    expiry.announce(now + 1min);
    expiry.announce(now - days(60));  // a clock that is set back
    REQUIRE(told.take().empty());
  }
  REQUIRE(expiry.pause(now, 1h) == 1h);
}

TEST_CASE("expiry: at start the nearest threshold that has passed is told, and no other") {
  test::ServedCertificates certificates;
  certificates.add({"fresh.example"}, kEnd + days(90));
  certificates.add({"a.example"}, kEnd);
  certificates.add({"gone.example"}, kEnd - days(9));
  Told told;
  admin::Expiry expiry(told);
  expiry.serve(certificates.all());
  expiry.announce(kEnd - days(5));
  REQUIRE(told.take() == Texts{"a.example: it expires in 5 days, on 2033-05-18 03:33 UTC",
                               "gone.example: it has expired on 2033-05-09 03:33 UTC"});
}

TEST_CASE("expiry: what is served on is not told of twice; what is new is") {
  test::ServedCertificates certificates;
  certificates.add({"a.example"}, kEnd);
  certificates.add({"b.example"}, kEnd);
  Told told;
  admin::Expiry expiry(told);
  expiry.serve(certificates.all());
  expiry.announce(kEnd - days(20));
  REQUIRE(told.take().size() == 2);
  certificates.remove(1);
  certificates.add({"c.example"}, kEnd);
  certificates.add({"renewed.example"}, kEnd + days(90));
  expiry.serve(certificates.all());
  expiry.announce(kEnd - days(20));
  REQUIRE(told.take() == Texts{"c.example: it expires in 20 days, on 2033-05-18 03:33 UTC"});
}
