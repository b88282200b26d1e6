// What a client's first bytes are taken for.
#include "proxy/session/first_bytes.h"

#include <catch2/catch.hpp>
#include <string_view>

using postern::session::begins_like_sslv2;
using postern::session::looks_like_farewell;
using postern::session::looks_like_tls;
using postern::session::may_become_tls;
using namespace std::string_view_literals;

TEST_CASE("a TLS record and an SSLv2-format ClientHello are TLS") {
  REQUIRE(looks_like_tls("\x16\x03\x01\x02\x00\x01"sv));
  REQUIRE(looks_like_tls("\x16"sv));
  REQUIRE(looks_like_tls("\x80\x2e\x01\x03\x01"sv));
}

TEST_CASE("commands of every protocol, blanks and noise are clear text") {
  for (const auto text : {"EHLO x\r\n"sv, "a1 CAPABILITY\r\n"sv, "CAPA\r\n"sv, "\r\n"sv, ""sv,
                          "\x16LO"sv, "\x80\x2e"sv, "\xff\xfb\x03"sv}) {
    REQUIRE_FALSE(looks_like_tls(text));
  }
}

TEST_CASE("the first octets of a hello in SSLv2's format may become one, and nothing else") {
  for (const auto text : {"\x80"sv, "\x80\x2e"sv, "\x80\x2e\x01"sv, "\x80\x2e\x01\x03"sv}) {
    CHECK(begins_like_sslv2(text));
    CHECK(may_become_tls(text));
  }
  CHECK(may_become_tls("\x16"sv));
  CHECK_FALSE(begins_like_sslv2("\x16"sv));
  CHECK(begins_like_sslv2("\x80\x2e\x02"sv));
  for (const auto text : {"\x80\x2e\x02"sv, "\xff\xfb\x03"sv, "a"sv, "EHLO"sv, ""sv}) {
    CHECK_FALSE(may_become_tls(text));
  }
}

TEST_CASE("a farewell is known by the last word of what a client says, in any case") {
  for (const auto* const bytes :
       {"QUIT\r\n", "quit\r\n", "a LOGOUT\r\n", "x1 Logout\r\n", "NOOP\r\nQuit\r\n"}) {
    INFO(bytes);
    CHECK(looks_like_farewell(bytes));
  }
  for (const auto* const bytes :
       {"", "\r\n", "QUIT", "QUIT\n", "UIT\r\n", "QUIT \r\n", "QUIT\r\nNOOP\r\n", "QU\xc9T\r\n"}) {
    INFO(bytes);
    CHECK_FALSE(looks_like_farewell(bytes));
  }
}
