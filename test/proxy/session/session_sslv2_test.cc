// A ClientHello in SSLv2's format: served in the island, refused elsewhere with an event that says what it
// needs.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"
#include "test/support/certificates.h"
#include "test/tls/hello.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using Catch::StartsWith;
using conf::TlsMode;

namespace {

const tls::PemPair& rsa_pair() {
  static const tls::PemPair pair = [] {
    const auto issued = issue({.common_name = "mail.example.com",
                               .dns_names = {"mail.example.com"},
                               .kind = KeyKind::rsa});
    return tls::PemPair{issued.certificate(), issued.key()};
  }();
  return pair;
}

WorldOptions refusing(TlsMode mode = TlsMode::implicit) {
  return {.mode = mode, .key = rsa_pair()};
}

WorldOptions island() {
  auto options = refusing();
  options.adjust = [](conf::Settings& settings) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "museum";
    rule.from = {{net::Address::parse("192.0.2.0", 0)->octets(), 120}};
    rule.min_version = conf::TlsVersion::tls1_0;
    rule.profile = conf::Profile::legacy;
  };
  return options;
}

// Three octets of each suite.
std::string suites(std::size_t count, std::uint16_t last) {
  std::string all;
  for (std::size_t i = 1; i < count; ++i) all += '\0' + two_octets(0xd000 + i);
  return all + '\0' + two_octets(last);
}

void say_cut(SessionWorld& world, const std::string& bytes, std::size_t first) {
  world.say(bytes.substr(0, first));
  world.settle();
  if (first < bytes.size()) world.say(bytes.substr(first));
  world.settle();
}

const std::vector<std::string> kRefused = {"tls-handshake not_tls", "session-end handshake_failed"};

}  // namespace

TEST_CASE("SSLv2's format: refused with an alert, and the event says what the client would need") {
  struct Row {
    std::uint16_t version;
    std::string suites;
    std::string needs;
  };
  const std::string rc4("\0\0\x05", 3);
  const std::string aes("\0\0\x05\0\0\x2f", 6);
  const std::string splice = "legacy_tls: splice, on an implicit listener";
  for (const auto& row : std::vector<Row>{
           {0x0301, aes, "profile: legacy and min_version: 1.0 by a rule"},
           {0x0302, aes, "profile: legacy and min_version: 1.1 by a rule"},
           {0x0303, aes, "profile: legacy by a rule"},
           {0x0301, rc4, splice},
           {0x0300, aes, splice},
       }) {
    const auto hello = sslv2_hello(row.version, row.suites);
    for (std::size_t first = 1; first <= hello.size(); ++first) {
      SessionWorld world(refusing());
      world.begin();
      say_cut(world, hello, first);
      REQUIRE(world.hear() == "\x15" + two_octets(row.version) + std::string("\0\x02\x02\x28", 4));
      REQUIRE(world.events() == kRefused);
      const auto event = world.recorded<audit::HandshakeEvent>().at(0);
      REQUIRE(event.hello.versions == std::vector<std::uint16_t>{row.version});
      REQUIRE(event.hello.ciphers.front() == 0x0005);
      REQUIRE(event.needs == row.needs);
      REQUIRE(world.dialer().dials() == 0);
    }
  }
}

TEST_CASE("SSLv2's format: octet by octet, and where the first ones come late") {
  const auto hello = sslv2_hello(0x0301);
  SessionWorld world(refusing());
  world.begin();
  for (const char octet : hello) {
    REQUIRE(world.events().empty());
    world.say(std::string(1, octet));
    world.settle();
  }
  REQUIRE(world.events() == kRefused);
}

TEST_CASE("SSLv2's format: SSLv2 alone gets no answer, and nothing serves it") {
  SessionWorld world(refusing());
  world.begin();
  world.say(sslv2_hello(0x0002));
  REQUIRE(world.hear().empty());
  REQUIRE(world.events() == kRefused);
  const auto event = world.recorded<audit::HandshakeEvent>().at(0);
  REQUIRE(event.hello.versions == std::vector<std::uint16_t>{2});
  REQUIRE(event.needs.empty());
}

TEST_CASE("SSLv2's format: behind STARTTLS, and on a port for both") {
  const auto hello = sslv2_hello(0x0301);
  for (std::size_t first = 1; first <= hello.size(); ++first) {
    SECTION("STARTTLS, cut behind " + std::to_string(first)) {
      SessionWorld world(refusing(TlsMode::required));
      world.begin();
      world.say("a STARTTLS\r\n");
      world.hear();
      say_cut(world, hello, first);
      REQUIRE(world.hear().front() == '\x15');
      REQUIRE(world.events() == kRefused);
      REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).needs ==
              "profile: legacy and min_version: 1.0 by a rule");
    }
    SECTION("auto, cut behind " + std::to_string(first)) {
      SessionWorld world(refusing(TlsMode::automatic));
      world.begin();
      say_cut(world, hello, first);
      REQUIRE(world.hear().front() == '\x15');
      REQUIRE(world.events() == kRefused);
    }
  }
}

TEST_CASE("SSLv2's format: a first octet and no more has the handshake's time") {
  SessionWorld world(refusing());
  world.begin();
  world.say("\x80");
  world.pass(11s);
  REQUIRE(world.hear().empty());
  REQUIRE(world.events() == std::vector<std::string>{"tls-handshake handshake_timeout",
                                                     "session-end handshake_timeout"});
}

TEST_CASE("SSLv2's format: what only begins like it is clear text, as ever") {
  for (const std::size_t first : {1U, 2U, 3U, 4U}) {
    SessionWorld world(refusing());
    world.begin();
    say_cut(world, "\xc3\xbc here\r\n", first);
    REQUIRE_THAT(world.hear(), StartsWith("* BYE "));
    REQUIRE(world.events() == std::vector<std::string>{"clear-on-tls-port clear text came where a "
                                                       "ClientHello was expected",
                                                       "session-end clear_on_tls_port"});
  }
}

TEST_CASE("SSLv2's format: the island serves it, however it is cut") {
  const auto hello = sslv2_hello(0x0301);
  for (std::size_t first = 1; first <= hello.size(); ++first) {
    SessionWorld world(island());
    world.begin();
    say_cut(world, hello, first);
    const auto heard = world.hear();
    REQUIRE_THAT(heard, StartsWith("\x16\x03\x01"));  // of TLS 1.0
    REQUIRE(heard.substr(9, 2) == "\x03\x01");
    REQUIRE(heard.substr(44 + static_cast<unsigned char>(heard[43]), 2) ==
            std::string("\0\x35", 2));
    REQUIRE(world.events().empty());
    REQUIRE(world.end_reason().empty());
  }
}

TEST_CASE("SSLv2's format: the island serves it before it is handed on, and hands on the rest") {
  auto options = island();
  options.legacy_servers = 1;
  SECTION("AES") {
    SessionWorld world(options);
    world.begin();
    world.say(sslv2_hello(0x0301));
    world.settle();
    REQUIRE(world.dialer().dials() == 0);
    REQUIRE_THAT(world.hear(), StartsWith("\x16\x03\x01"));
  }
  SECTION("RC4 alone") {
    SessionWorld world(options);
    world.begin();
    world.say(sslv2_hello(0x0301, suites(1, 5)));
    REQUIRE(world.dialer().dials() == 1);
  }
}

TEST_CASE("SSLv2's format: what the island does not have either is refused there") {
  SessionWorld world(island());
  world.begin();
  world.say(sslv2_hello(0x0301, suites(1, 5)));
  REQUIRE(world.events() == kRefused);
  REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).needs ==
          "legacy_tls: splice, on an implicit listener");
}

TEST_CASE("a client that was served and broke off lacks nothing, however much it offered") {
  for (const std::size_t count : {10U, 255U, 256U, 257U, 300U}) {
    Hello hello;
    hello.ciphers.clear();
    for (std::size_t i = 1; i < count; ++i) {
      hello.ciphers.push_back(static_cast<std::uint16_t>(0xd000 + i));
    }
    hello.ciphers.push_back(0x002f);
    SessionWorld world(island());
    world.begin();
    world.say(hello.record());
    world.settle();
    REQUIRE_THAT(world.hear(), StartsWith("\x16\x03"));
    world.say(std::string("\x15\x03\x03\0\x02\x02\x28", 7));
    REQUIRE(world.events() ==
            std::vector<std::string>{"tls-handshake peer_alert", "session-end handshake_failed"});
    REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).needs.empty());
  }
}

TEST_CASE("of more suites than are kept nobody knows what they need") {
  for (const std::size_t count : {256U, 257U}) {
    SessionWorld world(refusing());
    world.begin();
    SECTION("a hello of TLS, " + std::to_string(count)) {
      Hello hello;
      hello.ciphers.assign(count - 1, 0xd000);
      hello.ciphers.push_back(0x002f);
      world.say(hello.record());
      world.settle();
    }
    SECTION("of SSLv2's format, " + std::to_string(count)) {
      world.say(sslv2_hello(0x0303, suites(count, 0x002f)));
    }
    if (world.events().empty()) continue;
    REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).needs ==
            (count == 256 ? "profile: legacy by a rule" : ""));
  }
}
