// ClientHellos in SSLv2's format.
#include "tls/sslv2_hello.h"

#include <catch2/catch.hpp>

#include "test/tls/hello.h"

namespace postern::test {

using tls::Offer;
using tls::read_sslv2_hello;
using tls::Sslv2Hello;

TEST_CASE("a hello in SSLv2's format says its version, and the suites that TLS knows") {
  Offer offer;
  REQUIRE(read_sslv2_hello(sslv2_hello(0x0300), offer) == Sslv2Hello::for_ssl_tls);
  REQUIRE(offer.versions == std::vector<std::uint16_t>{0x0300});
  REQUIRE(offer.ciphers == std::vector<std::uint16_t>{0x0004, 0x0035});
  REQUIRE(read_sslv2_hello(sslv2_hello(0x0301) + "garbage", offer) == Sslv2Hello::for_ssl_tls);
  REQUIRE(offer.versions == std::vector<std::uint16_t>{0x0301});
  REQUIRE(read_sslv2_hello(sslv2_hello(0x0303), offer) == Sslv2Hello::for_ssl_tls);
}

TEST_CASE("one that asks for SSLv2 alone is told apart") {
  Offer offer;
  REQUIRE(read_sslv2_hello(sslv2_hello(0x0002), offer) == Sslv2Hello::for_sslv2);
}

TEST_CASE("each beginning of a hello may become one, and gives nothing yet") {
  const auto whole = sslv2_hello(0x0300);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Offer offer;
    REQUIRE(read_sslv2_hello(whole.substr(0, size), offer) == Sslv2Hello::begun);
    REQUIRE(offer.versions.empty());
    REQUIRE(offer.ciphers.empty());
  }
}

TEST_CASE("what is no such hello is known by its first octets, or once its lengths are there") {
  Offer offer;
  REQUIRE(read_sslv2_hello("\x16", offer) == Sslv2Hello::none);
  REQUIRE(read_sslv2_hello("EHLO me\r\n", offer) == Sslv2Hello::none);
  REQUIRE(read_sslv2_hello(std::string("\x80\x2e\x02", 3), offer) == Sslv2Hello::none);
  const auto whole = sslv2_hello(0x0300);
  struct Row {
    std::size_t at;
    char octet;
  };
  for (const auto& [at, octet] :
       {Row{1, 1}, Row{0, '\xff'}, Row{3, 7}, Row{6, 8}, Row{6, 0}, Row{8, 1}, Row{8, 16},
        Row{10, 15}, Row{10, 33}, Row{5, '\xff'}}) {
    auto wrong = whole;
    wrong[at] = octet;
    INFO("octet " << at);
    REQUIRE(read_sslv2_hello(wrong, offer) == Sslv2Hello::none);
  }
  REQUIRE(offer.versions.empty());
}

}  // namespace postern::test
