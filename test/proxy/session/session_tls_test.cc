// TLS that is too old, and what the audit is told of handshakes.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using Catch::Contains;
using Catch::StartsWith;
using conf::TlsMode;
using protocols::Protocol;

namespace {

struct Words {
  Protocol protocol;
  const char* upgrade;
  const char* command;
  const char* words;
};
constexpr Words kImap{Protocol::imap, "s STARTTLS\r\n", "a LOGIN joe secret\r\n", "* BYE "};
constexpr Words kPop3{Protocol::pop3, "STLS\r\n", "USER joe\r\n", "-ERR "};
constexpr Words kSmtp{Protocol::smtp, "STARTTLS\r\n", "EHLO x\r\n", "421 4.7.66 "};

void explain(conf::Settings& settings) {
  settings.listeners.front().tls.old_tls = conf::OldTls::explain;
}

// A client of these versions, as on the wire.
TlsClientOptions between(std::uint16_t lowest, std::uint16_t highest) {
  TlsClientOptions options;
  options.min_version = lowest;
  options.max_version = highest;
  return options;
}

constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
const auto kTls10 = between(0x0301, 0x0301);
const auto kTls11 = between(0x0301, 0x0302);

// That it was told, once, with what the client offered, and nothing was dialled.
void check_end(const SessionWorld& world, FakeDialer& dialer, std::string_view version) {
  REQUIRE(world.end_reason() == "old_tls");
  REQUIRE(world.events() ==
          std::vector<std::string>{"tls-handshake tls_version", "session-end old_tls"});
  const auto failed = world.recorded<audit::HandshakeEvent>().at(0);
  REQUIRE(failed.session.tls->version == version);
  REQUIRE_FALSE(failed.hello.ciphers.empty());
  REQUIRE(failed.ja4.size() == 36);
  REQUIRE(dialer.dials() == 0);
}

}  // namespace

TEST_CASE("old TLS, implicit: the words are the greeting") {
  for (const auto& words : {kImap, kPop3, kSmtp}) {
    for (const auto& options : {kTls10, kTls11}) {
      SessionWorld world(
          {.mode = TlsMode::implicit, .protocol = words.protocol, .adjust = explain});
      world.begin();
      world.shake_hands(options);
      const auto heard = world.hear_in_tls();
      const bool is_10 = options.max_version == 0x0301;
      REQUIRE_THAT(heard, StartsWith(words.words));
      REQUIRE_THAT(heard, Contains(is_10 ? "TLS 1.0" : "TLS 1.1"));
      REQUIRE(world.tls().ended());
      check_end(world, world.dialer(), is_10 ? "1.0" : "1.1");
    }
  }
}

TEST_CASE("old TLS, STARTTLS: SMTP and POP3 answer the next command, IMAP says it at once") {
  for (const auto& words : {kImap, kPop3, kSmtp}) {
    SessionWorld world({.mode = TlsMode::required, .protocol = words.protocol, .adjust = explain});
    world.begin();
    world.say(words.upgrade);
    world.hear();
    world.shake_hands(kTls10);
    if (words.protocol != Protocol::imap) {
      REQUIRE(world.hear_in_tls().empty());
      world.say_in_tls(words.command);
    }
    REQUIRE_THAT(world.hear_in_tls(), StartsWith(words.words));
    check_end(world, world.dialer(), "1.0");
  }
}

TEST_CASE("old TLS: a client that says nothing more ends like any other, and is not abandoned") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::pop3, .adjust = explain});
  world.begin();
  world.say("STLS\r\n");
  world.hear();
  world.shake_hands(kTls10);
  SECTION("it closes") {
    world.client().end();
    REQUIRE(world.end_reason() == "old_tls");
  }
  SECTION("it waits") {
    world.pass(61s);
    REQUIRE(world.end_reason() == "login_timeout");
  }
  REQUIRE(world.recorded<audit::SessionAbandonedEvent>().empty());
}

TEST_CASE("old TLS: a rule lets it in for its addresses, and today's TLS is served as ever") {
  const auto let_in = [](conf::Settings& settings) {
    explain(settings);
    auto& rule = settings.rules.emplace_back();
    rule.name = "museum";
    rule.from = {{net::Address::parse("192.0.2.64", 0)->octets(), 124}};
    rule.min_version = conf::TlsVersion::tls1_0;
  };
  SECTION("by the rule") {
    SessionWorld world({.mode = TlsMode::implicit, .source = "192.0.2.70", .adjust = let_in});
    world.begin();
    world.shake_hands(kTls10);
    REQUIRE(world.dialer().dials() == 1);
  }
  SECTION("others") {
    SessionWorld world({.mode = TlsMode::implicit, .adjust = let_in});
    world.begin();
    world.shake_hands(kTls10);
    REQUIRE(world.dialer().dials() == 0);
  }
  SECTION("TLS 1.2 and 1.3") {
    for (const auto version : {kTls12, kTls13}) {
      SessionWorld world({.mode = TlsMode::implicit, .adjust = let_in});
      world.begin();
      world.shake_hands(between(version, version));
      REQUIRE(world.dialer().dials() == 1);
      REQUIRE(world.events().empty());
    }
  }
}

TEST_CASE("old TLS, alert: the handshake fails, and what the client offered is told") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  TlsClient tls(kTls10);
  tls.receive("");
  world.say(tls.take_output());
  tls.receive(world.hear());
  REQUIRE(tls.failed());
  REQUIRE(world.events() == std::vector<std::string>{"tls-handshake no_shared_version",
                                                     "session-end handshake_failed"});
  const auto failed = world.recorded<audit::HandshakeEvent>().at(0);
  REQUIRE(failed.ja4.size() == 36);
  REQUIRE(failed.hello.versions == std::vector<std::uint16_t>{0x0301});
}

TEST_CASE("a login describes what the client offered at the first sight of its fingerprint") {
  const auto remembered = std::make_shared<session::Remembered>();
  const auto login_with = [&](const TlsClientOptions& options) {
    SessionWorld world({.mode = TlsMode::implicit, .remembered = remembered});
    world.begin();
    world.shake_hands(options);
    world.greet("* OK old\r\n");
    world.say_in_tls("a LOGIN joe wrong\r\n");
    world.backend().send("a NO\r\n");
    world.say_in_tls("b LOGIN joe secret\r\n");
    world.backend().send("b OK\r\n");
    auto logins = world.recorded<audit::LoginEvent>();
    REQUIRE(logins.size() == 2);
    REQUIRE(logins[1].hello == nullptr);
    REQUIRE(logins[0].session.tls->ja4.size() == 36);
    REQUIRE(logins[0].session.tls->ja4 == logins[1].session.tls->ja4);
    return logins[0];
  };
  const auto first = login_with({});
  REQUIRE(first.hello != nullptr);
  REQUIRE_FALSE(first.hello->ciphers.empty());
  REQUIRE(login_with({}).hello == nullptr);
  const auto other = login_with(between(0x0301, 0x0303));
  REQUIRE(other.hello != nullptr);
  REQUIRE(other.session.tls->ja4 != first.session.tls->ja4);
}

TEST_CASE("handshakes: all tells of every handshake") {
  const bool all = GENERATE(true, false);
  const auto adjust = [&](conf::Settings& settings) {
    if (all) settings.audit.handshakes = conf::Handshakes::all;
  };
  for (const auto mode : {TlsMode::implicit, TlsMode::required}) {
    SessionWorld world({.mode = mode, .adjust = adjust});
    world.begin();
    if (mode == TlsMode::required) world.say("s STARTTLS\r\n");
    world.hear();
    world.shake_hands();
    const auto told = world.recorded<audit::HandshakeEvent>();
    REQUIRE(told.size() == (all ? 1 : 0));
    if (!all) continue;
    REQUIRE(told[0].reason.empty());
    REQUIRE(told[0].session.tls->version == "1.3");
    REQUIRE(told[0].session.starttls_used == (mode == TlsMode::required));
  }
}
