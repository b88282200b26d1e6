// Networks from text, and what lies in them.
#include "conf/prefixes.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern::conf;  // NOLINT: a test of everything in it

namespace {

std::string prefix(std::string_view text) {
  const auto parsed = parse_prefix(text);
  return parsed.value ? prefix_text(*parsed.value) : "expected " + parsed.expected;
}

bool is_in(std::string_view address, std::string_view network) {
  return contains(parse_prefix(network).value.value(), parse_address_octets(address).value.value());
}

bool has(std::string_view outer, std::string_view inner) {
  return covers(parse_prefix(outer).value.value(), parse_prefix(inner).value.value());
}

}  // namespace

TEST_CASE("a network or an address, in its shortest form") {
  REQUIRE(prefix("192.0.2.64/28") == "192.0.2.64/28");
  REQUIRE(prefix("192.0.2.7") == "192.0.2.7");
  REQUIRE(prefix("192.0.2.7/32") == "192.0.2.7");
  REQUIRE(prefix("0.0.0.0/0") == "0.0.0.0/0");
  REQUIRE(prefix("2001:DB8:0::/32") == "2001:db8::/32");
  REQUIRE(prefix("2001:db8::1") == "2001:db8::1");
  REQUIRE(prefix("::/0") == "::/0");
  REQUIRE(parse_prefix("192.0.2.0/24").value->length == 120);
}

TEST_CASE("a network of IPv4-mapped addresses is its IPv4 network") {
  REQUIRE(prefix("::ffff:192.0.2.0/120") == "192.0.2.0/24");
  REQUIRE(prefix("::ffff:192.0.2.7") == "192.0.2.7");
  REQUIRE(prefix("::ffff:0:0/96") == "0.0.0.0/0");
}

TEST_CASE("bits behind the prefix are shown without them") {
  REQUIRE(prefix("192.0.2.65/28") == "expected 192.0.2.64/28 (bits behind the prefix are 0)");
  REQUIRE(prefix("192.0.2.1/0") == "expected 0.0.0.0/0 (bits behind the prefix are 0)");
  REQUIRE(prefix("192.0.2.1/31") == "expected 192.0.2.0/31 (bits behind the prefix are 0)");
  REQUIRE(prefix("2001:db8::1/33") == "expected 2001:db8::/33 (bits behind the prefix are 0)");
  REQUIRE(prefix("::ffff:192.0.2.1/120") == "expected 192.0.2.0/24 (bits behind the prefix are 0)");
}

TEST_CASE("what is no network says what was expected") {
  for (const char* text : {"", "/24", "192.0.2/24", "192.0.2.0.0/24", "mail.example.com",
                           "192.0.2.*", "2001:db8::%eth0/32", "[2001:db8::]/32", " 192.0.2.0/24"})
    REQUIRE(prefix(text) ==
            "expected a network or address, such as 192.0.2.64/28, 2001:db8::/32 or 192.0.2.7");
  for (const char* text : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024", "192.0.2.0/-1",
                           "192.0.2.0/255.255.255.0", "192.0.2.0/24/24"})
    REQUIRE(prefix(text) == "expected a prefix length behind `/`, a whole number from 0 to 32");
  REQUIRE(prefix("2001:db8::/129") ==
          "expected a prefix length behind `/`, a whole number from 0 to 128");
  REQUIRE(parse_address_octets("192.0.2.0/24").expected ==
          "a numeric IPv4 or IPv6 address, such as 192.0.2.7");
}

TEST_CASE("a client is in a network by the bits of its prefix, at any length") {
  for (unsigned length = 0; length <= 32; ++length) {
    // 85.85.85.85 is 0101…; the same with one bit changed is in it where that bit lies behind.
    const auto mask = length == 0 ? 0U : 0xffffffffU << (32 - length);
    const auto text = [](unsigned bits) {
      return std::to_string(bits >> 24) + "." + std::to_string(bits >> 16 & 0xff) + "." +
             std::to_string(bits >> 8 & 0xff) + "." + std::to_string(bits & 0xff);
    };
    const std::string network = text(0x55555555U & mask) + "/" + std::to_string(length);
    for (unsigned bit = 0; bit < 32; ++bit)
      REQUIRE(is_in(text(0x55555555U ^ (0x80000000U >> bit)), network) == (bit >= length));
  }
  REQUIRE(is_in("2001:db8:7fff::1", "2001:db8::/33"));
  REQUIRE_FALSE(is_in("2001:db8:8000::1", "2001:db8::/33"));
  REQUIRE(is_in("2001:db8::2", "2001:db8::2"));
  REQUIRE_FALSE(is_in("2001:db8::3", "2001:db8::2"));
}

TEST_CASE("a client of IPv4 is in networks of IPv4 alone, however it is written") {
  REQUIRE(is_in("::ffff:192.0.2.7", "192.0.2.0/24"));
  REQUIRE(is_in("192.0.2.7", "::ffff:192.0.2.0/120"));
  REQUIRE(is_in("192.0.2.7", "0.0.0.0/0"));
  REQUIRE_FALSE(is_in("192.0.2.7", "::/0"));
  REQUIRE_FALSE(is_in("192.0.2.7", "::/80"));
  REQUIRE_FALSE(is_in("2001:db8::1", "0.0.0.0/0"));
  REQUIRE(is_in("2001:db8::1", "::/0"));
  REQUIRE_FALSE(is_in("::1", "0.0.0.0/0"));
}

TEST_CASE("a network covers what lies in it wholly") {
  REQUIRE(has("192.0.2.0/24", "192.0.2.64/28"));
  REQUIRE(has("192.0.2.64/28", "192.0.2.64/28"));
  REQUIRE_FALSE(has("192.0.2.64/28", "192.0.2.0/24"));
  REQUIRE_FALSE(has("192.0.2.0/24", "192.0.3.0/24"));
  REQUIRE(has("::/0", "2001:db8::/32"));
  REQUIRE_FALSE(has("::/0", "192.0.2.0/24"));
  REQUIRE(has("0.0.0.0/0", "192.0.2.7"));
  REQUIRE_FALSE(has("0.0.0.0/0", "::/0"));
}
