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
    CHECK(body.reason ==
          (body.message.find("it has expired") == std::string::npos ? "expires" : "expired"));
    all.push_back(body.message);
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
    REQUIRE(told.take() == Texts{"the certificate of a.example (a.example.pem): " + words + on});
    expiry.announce(now + 1min);
    expiry.announce(now - 30min);  // a clock that is set back
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
  REQUIRE(told.take() == Texts{"the certificate of a.example (a.example.pem): it expires in 5 "
                               "days, on 2033-05-18 03:33 UTC",
                               "the certificate of gone.example (gone.example.pem): it has expired "
                               "on 2033-05-09 03:33 UTC"});
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
  REQUIRE(told.take() == Texts{"the certificate of c.example (c.example.pem): it expires in 20 "
                               "days, on 2033-05-18 03:33 UTC"});
}

TEST_CASE("expiry: after a clock that was far ahead for a while, what is due is told") {
  test::ServedCertificates certificates;
  certificates.add({"a.example"}, kEnd);
  Told told;
  admin::Expiry expiry(told);
  expiry.serve(certificates.all());
  expiry.announce(kEnd + days(1));
  REQUIRE(told.take().size() == 1);
  expiry.announce(kEnd - days(40));
  REQUIRE(told.take().empty());
  expiry.announce(kEnd - days(10));
  REQUIRE(told.take().size() == 1);
}

TEST_CASE("expiry: an issuer that ends before its certificate is told of, too") {
  const auto end = std::chrono::duration_cast<std::chrono::seconds>(kEnd.time_since_epoch());
  const auto root =
      test::issue({.common_name = "root", .is_ca = true, .not_after = end.count() * 2});
  const auto between = test::issue(
      {.common_name = "between", .issuer = &root, .is_ca = true, .not_after = end.count()});
  const auto leaf = test::issue({.common_name = "leaf",
                                 .dns_names = {"a.example"},
                                 .issuer = &between,
                                 .not_after = end.count() + 90 * 86400});
  const auto credentials = tls::Credentials::parse(leaf.certificate() + between.certificate(),
                                                   leaf.key(), "a.pem", "key");
  REQUIRE(credentials);
  conf::Certificate setting;
  setting.chain = "a.pem";
  Told told;
  admin::Expiry expiry(told);
  expiry.serve({{&setting, *credentials}});
  expiry.announce(kEnd - days(1));
  REQUIRE(told.take() ==
          Texts{"certificate 2 in a.pem (CN = between), an issuer of the certificate of "
                "a.example: it expires in 1 day, on 2033-05-18 03:33 UTC"});
}
