// Values from text.
#include "conf/values.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

using namespace postern::conf;  // NOLINT: a test of everything in it
using namespace std::chrono_literals;

namespace {

constexpr auto kMost = std::numeric_limits<std::size_t>::max();

std::string listener(std::string_view text) {
  const auto parsed = parse_listener_address(text);
  return parsed.value ? endpoint_text(*parsed.value) : "expected " + parsed.expected;
}

std::string server(std::string_view text) {
  const auto parsed = parse_server(text);
  return parsed.value ? endpoint_text(*parsed.value) : "expected " + parsed.expected;
}

}  // namespace

TEST_CASE("a count is digits alone, within its range") {
  REQUIRE(parse_count("1", 1, 5).value == 1);
  REQUIRE(parse_count("5", 1, 5).value == 5);
  for (const char* text : {"0", "6", "", "01", "+1", "-1", "1.0", "1k", " 1", "0x1",
                           "18446744073709551616", "99999999999999999999999999"})
    REQUIRE(parse_count(text, 1, 5).expected == "a whole number from 1 to 5");
}

TEST_CASE("a size needs its unit") {
  REQUIRE(parse_size("64KiB", 0, kMost).value == 65536);
  REQUIRE(parse_size("16MiB", 0, kMost).value == 16777216);
  REQUIRE(parse_size("2GiB", 0, kMost).value == 2147483648);
  REQUIRE(parse_size("512B", 0, kMost).value == 512);
  for (const char* text : {"64", "64KB", "64kib", "KiB", "64 KiB", "1.5MiB", "-1KiB", "1KiB ",
                           "18014398509481985KiB", "2MiB", "1023B"})
    REQUIRE(parse_size(text, 1024, 1048576).expected ==
            "a size from 1KiB to 1MiB, with its unit B, KiB, MiB or GiB");
}

TEST_CASE("a time needs its unit") {
  constexpr auto kDays = 720h;
  REQUIRE(parse_time("200ms", 1ms, kDays).value == 200ms);
  REQUIRE(parse_time("30s", 1ms, kDays).value == 30s);
  REQUIRE(parse_time("5m", 1ms, kDays).value == 5min);
  REQUIRE(parse_time("12h", 1ms, kDays).value == 12h);
  REQUIRE(parse_time("30d", 1ms, kDays).value == 720h);
  REQUIRE(parse_time("0s", 0ms, kDays).value == 0ms);
  for (const char* text : {"30", "s", "0s", "31d", "1h30m", "5min", "5M", "-5s", "1.5s",
                           "213503982335d", "18446744073709551615ms"})
    REQUIRE(parse_time(text, 1ms, kDays).expected ==
            "a time from 1ms to 30d, with its unit ms, s, m, h or d");
}

TEST_CASE("sizes and times are written with the largest unit that fits") {
  REQUIRE(size_text(65536) == "64KiB");
  REQUIRE(size_text(1025) == "1025B");
  REQUIRE(size_text(0) == "0B");
  REQUIRE(time_text(35min) == "35m");
  REQUIRE(time_text(90s) == "90s");
  REQUIRE(time_text(0ms) == "0s");
}

TEST_CASE("a listener's address is numeric, and equal ones come out equal") {
  REQUIRE(listener("0.0.0.0:25") == "0.0.0.0:25");
  REQUIRE(listener("[::]:25") == "[::]:25");
  REQUIRE(listener("[0:0::0]:65535") == "[::]:65535");
  REQUIRE(listener("[2001:DB8::0001]:1") == "[2001:db8::1]:1");
}

TEST_CASE("what is no listener's address says what was expected") {
  const std::string numeric =
      "expected a numeric address and a port, such as 0.0.0.0:25 or [::]:25";
  for (const char* text :
       {"", "25", ":25", "0.0.0.0", "mail.example.com:25", "*:25", "[0.0.0.0]:25", "[::]", "[::]25",
        "[:25", "[]:25", "0.0.0.256:25", "1.2.3:25", "[fe80::1%eth0]:25", " 0.0.0.0:25"})
    REQUIRE(listener(text) == numeric);
  const std::string port = "expected a port from 1 to 65535 behind the address";
  for (const char* text : {"0.0.0.0:", "0.0.0.0:0", "0.0.0.0:65536", "0.0.0.0:+25", "0.0.0.0:025",
                           "0.0.0.0:smtp", "[::]:25 "})
    REQUIRE(listener(text) == port);
  for (const char* text : {"::1:25", "::", "2001:db8::1"})
    REQUIRE(listener(text) ==
            "expected brackets around the IPv6 address and a port behind them, such as [::1]:25");
  REQUIRE(listener(std::string_view("0.0.0.0\0:25", 11)) == numeric);
}

TEST_CASE("a server may be a host name, too") {
  REQUIRE(server("192.0.2.10:143") == "192.0.2.10:143");
  REQUIRE(server("[2001:db8::1]:143") == "[2001:db8::1]:143");
  REQUIRE(server("Mail.Internal:143") == "mail.internal:143");
  REQUIRE(server("old_mail:143") == "old_mail:143");
  const std::string expected =
      "expected an address or host name and a port, such as 192.0.2.10:25, [2001:db8::1]:25 or "
      "mail.internal:25";
  for (const char* text : {"mail.internal", "mail..internal:25", "-mail:25", "192.0.2.300:25",
                           "192.0.2:25", "[mail]:25", "ma il:25", ".mail:25", "mail.:25"})
    REQUIRE(server(text) == expected);
}

TEST_CASE("a host name has labels of letters, digits and hyphens") {
  REQUIRE(parse_host_name("Mail.Example.COM").value == "mail.example.com");
  REQUIRE(parse_host_name("a").value == "a");
  REQUIRE(parse_host_name("3com.example").value == "3com.example");
  REQUIRE(parse_host_name(std::string(63, 'a') + ".b").value);
  REQUIRE_FALSE(parse_host_name(std::string(64, 'a') + ".b").value);
  std::string longest;
  while (longest.size() < 252) longest += "a.";
  REQUIRE(parse_host_name(longest + "a").value);
  REQUIRE_FALSE(parse_host_name(longest + "aa").value);  // 254 octets
  for (const char* text : {"", ".", "a.", ".a", "a..b", "a_b", "-a", "a-", "a b", "a\r\nb",
                           "1.2.3.4", "a.1", "m\xC3\xBCller.example"})
    REQUIRE(parse_host_name(text).expected ==
            "a host name of letters, digits, hyphens and dots, such as mail.example.com");
}

TEST_CASE("names, users, paths and verbs are what they should be") {
  REQUIRE(parse_name("imap-2.eu_x").value == "imap-2.eu_x");
  for (const std::string& text : {std::string(), std::string("a b"), std::string("a\n"),
                                  std::string("\xC3\xBC"), std::string(65, 'a')})
    REQUIRE(parse_name(text).expected == "1 to 64 letters, digits, `.`, `_` and `-`");
  REQUIRE(parse_user("_postern-1").value == "_postern-1");
  for (const char* text : {"", "1user", "-user", "us er", "root:x"})
    REQUIRE(parse_user(text).expected == "the name of a user of this system");
  REQUIRE(parse_path("certs/m\xC3\xBC \"x\".pem").value == "certs/m\xC3\xBC \"x\".pem");
  for (const std::string& text : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                  std::string("\xFF"), std::string(4097, 'a')})
    REQUIRE(parse_path(text).expected ==
            "a path of at most 4096 octets, without control characters");
  REQUIRE(parse_verb("x-Exps").value == "X-EXPS");
  for (const char* text : {"", "-A", "A B", "A=B", "A\r"})
    REQUIRE(parse_verb(text).expected ==
            "an SMTP verb of letters, digits and hyphens, such as VRFY");
}
