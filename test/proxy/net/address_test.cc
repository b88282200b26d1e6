// Addresses: an IPv4-mapped client is an IPv4 client.
#include "proxy/net/address.h"

#include <netinet/in.h>

#include <catch2/catch.hpp>

using postern::net::Address;

TEST_CASE("an IPv4 address and its IPv4-mapped form are the same, and print as IPv4") {
  const auto plain = Address::parse("192.0.2.7", 143);
  const auto mapped = Address::parse("::ffff:192.0.2.7", 143);
  REQUIRE(plain);
  REQUIRE(plain == mapped);
  REQUIRE(mapped->ip() == "192.0.2.7");
  REQUIRE(mapped->text() == "192.0.2.7:143");
}

TEST_CASE("an IPv6 address survives the way to the system and back") {
  const auto address = Address::parse("2001:db8::1", 993);
  sockaddr_storage storage{};
  REQUIRE(address->to(storage) == sizeof(sockaddr_in6));
  REQUIRE(Address::from(reinterpret_cast<const sockaddr*>(&storage)) == *address);
  REQUIRE(address->text() == "[2001:db8::1]:993");
}

TEST_CASE("what is no numeric address is none") {
  for (const auto* text : {"", "mail.example.com", "192.0.2", "192.0.2.256", "[::1]", "::g"}) {
    INFO(text);
    REQUIRE_FALSE(Address::parse(text, 1));
  }
}
