// `tls: auto`: clear text, STARTTLS and implicit TLS on one port.
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

constexpr auto kGreeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS] old server ready\r\n";

struct Words {
  Protocol protocol;
  const char* greeting;
  const char* command;
};
constexpr std::array kWords = {
    Words{Protocol::imap, "* OK old\r\n", "a NOOP\r\n"},
    Words{Protocol::pop3, "+OK old\r\n", "CAPA\r\n"},
    Words{Protocol::smtp, "220 old\r\n", "EHLO me\r\n"},
    Words{Protocol::submission, "220 old\r\n", "EHLO me\r\n"},
};

WorldOptions automatic(Protocol protocol = Protocol::imap) {
  WorldOptions options;
  options.mode = TlsMode::automatic;
  options.protocol = protocol;
  return options;
}

// A balancer tells of a client that reached this port.
WorldOptions at_port(std::uint16_t port, std::shared_ptr<session::Remembered> remembered) {
  auto options = automatic();
  options.remembered = std::move(remembered);
  options.forwarded = session::Forwarded{*net::Address::parse("192.0.2.1", 40000),
                                         *net::Address::parse("198.51.100.1", port)};
  return options;
}

std::string hello() {
  TlsClient tls;
  tls.receive("");
  return tls.take_output();
}

void rule_with(conf::Settings& settings, TlsMode mode) {
  auto& rule = settings.rules.emplace_back();
  rule.name = "by address";
  rule.tls_mode = mode;
}

}  // namespace

TEST_CASE("auto, TLS first: served as implicit, and nothing is dialled before the handshake") {
  for (const auto& words : kWords) {
    SessionWorld world(automatic(words.protocol));
    world.begin();
    REQUIRE(world.hear().empty());
    world.pass(150ms);
    REQUIRE(world.dialer().dials() == 0);
    world.shake_hands();
    REQUIRE(world.dialer().dials() == 1);
    world.greet(words.greeting);
    REQUIRE_THAT(world.hear_in_tls(), Contains("old"));
    world.client().end();
    world.backend().end();
    const auto end = world.recorded<audit::SessionEndEvent>().at(0);
    REQUIRE(end.session.security == audit::Security::implicit);
    REQUIRE_FALSE(end.session.starttls_offered);
  }
}

TEST_CASE("auto, silence: the greeting comes after auto_wait, with STARTTLS, which works") {
  for (const auto& words : kWords) {
    SessionWorld world(automatic(words.protocol));
    world.begin();
    world.pass(199ms);
    REQUIRE(world.dialer().dials() == 0);
    world.pass(1ms);
    REQUIRE(world.dialer().dials() == 1);
    world.greet(words.greeting);
    REQUIRE_THAT(world.hear(), Contains("old"));
    world.say(words.command);
    REQUIRE_FALSE(world.backend().received().empty());
  }
  SessionWorld world(automatic());
  world.begin();
  world.pass(200ms);
  world.greet(kGreeting);
  REQUIRE_THAT(world.hear(), Contains("STARTTLS"));
  world.say("a STARTTLS\r\n");
  REQUIRE_THAT(world.hear(), StartsWith("a OK"));
  world.shake_hands();
  world.greet(kGreeting);
  world.say_in_tls("b LOGIN joe secret\r\n");
  world.backend().send("b OK in\r\n");
  const auto login = world.recorded<audit::LoginEvent>().at(0);
  REQUIRE(login.session.security == audit::Security::starttls);
  REQUIRE(login.session.starttls_offered);
}

TEST_CASE("auto, clear text that comes early ends the wait, and none of it is lost") {
  SessionWorld world(automatic());
  world.begin();
  world.say("a CAPA");
  REQUIRE(world.dialer().dials() == 1);
  world.say("BILITY\r\n");
  world.greet(kGreeting);
  REQUIRE(world.backend().take() == "a CAPABILITY\r\n");
  REQUIRE(world.client().left_of_read() == std::string(8, '\0'));  // it might be a password
}

TEST_CASE(
    "auto, a ClientHello in pieces: its first byte alone is waited behind, and not answered") {
  const auto whole = hello();
  for (const std::size_t first : {1U, 2U, 5U, 6U, 100U}) {
    SessionWorld world(automatic());
    world.begin();
    world.say(whole.substr(0, first));
    world.pass(9s);
    REQUIRE(world.hear().empty());
    REQUIRE(world.dialer().dials() == 0);
    world.say(whole.substr(first));
    world.settle();
    REQUIRE_THAT(world.hear(), StartsWith("\x16\x03\x03"));
  }
  SessionWorld world(automatic());
  world.begin();
  world.say(whole.substr(0, 1));
  world.pass(10s);
  REQUIRE(world.end_reason() == "handshake_timeout");
  REQUIRE(world.hear().empty());
}

TEST_CASE("auto, a ClientHello after the wait: served until the backend has greeted") {
  SessionWorld world(automatic());
  world.begin();
  world.pass(200ms);
  const bool is_connected = GENERATE(true, false);
  if (is_connected) world.connect();
  world.shake_hands();
  if (is_connected) REQUIRE(world.backend().is_closed());
  REQUIRE(world.dialer().dials() == 2);
  world.greet(kGreeting);
  REQUIRE_THAT(world.hear_in_tls(), StartsWith("* OK"));
}

TEST_CASE("auto, a ClientHello behind the greeting: refused, as the client took that for TLS") {
  SessionWorld world(automatic());
  world.begin();
  world.pass(200ms);
  world.greet(kGreeting);
  world.hear();
  world.say(hello());
  REQUIRE(world.end_reason() == "tls_on_clear_port");
  REQUIRE_THAT(world.events().front(), StartsWith("tls-on-clear-port"));
  REQUIRE_FALSE(world.recorded<audit::SessionNotice>().at(0).is_served);
  REQUIRE_THAT(world.hear(), StartsWith("* BYE"));
}

TEST_CASE("auto, a ClientHello behind a command is none") {
  SessionWorld world(automatic());
  world.begin();
  world.say("a NOOP\r\n");
  world.say(hello());
  REQUIRE(world.end_reason() == "tls_on_clear_port");
}

TEST_CASE("auto_wait: 0ms greets at once, and still takes a ClientHello before that") {
  auto options = automatic();
  options.adjust = [](conf::Settings& settings) { settings.listeners.front().auto_wait = 0ms; };
  SessionWorld world(options);
  world.begin();
  REQUIRE(world.dialer().dials() == 1);
  SECTION("clear text") {
    world.greet(kGreeting);
    REQUIRE_THAT(world.hear(), StartsWith("* OK"));
  }
  SECTION("TLS") {
    world.shake_hands();
    REQUIRE(world.dialer().dials() == 2);
  }
}

TEST_CASE("auto, whoever goes or is ended before it is known what they speak") {
  SessionWorld world(automatic());
  world.begin();
  SECTION("the client closes") {
    world.client().end();
    REQUIRE(world.end_reason() == "client_closed");
  }
  SECTION("it breaks") {
    world.client().reset(-ECONNRESET);
    REQUIRE(world.end_reason() == "client_reset");
  }
  SECTION("postern ends") {
    world.shut_down();
    REQUIRE(world.end_reason() == "shutdown");
    world.client().end();
  }
  REQUIRE(world.hear().empty());
  REQUIRE(world.dialer().dials() == 0);
  REQUIRE(world.is_over());
}

TEST_CASE("auto, a rule's mode is for clear text, and TLS first is taken whatever it says") {
  const auto mode = GENERATE(TlsMode::required, TlsMode::optional, TlsMode::none);
  auto options = automatic();
  options.adjust = [&](conf::Settings& settings) { rule_with(settings, mode); };
  SECTION("TLS") {
    SessionWorld world(options);
    world.begin();
    world.shake_hands();
    REQUIRE(world.dialer().dials() == 1);
  }
  SECTION("clear text") {
    SessionWorld world(options);
    world.begin();
    world.pass(200ms);
    REQUIRE(world.dialer().dials() == (mode == TlsMode::required ? 0 : 1));
    if (mode != TlsMode::required) world.greet(kGreeting);
    const auto heard = world.hear();
    REQUIRE((heard.find("STARTTLS") != std::string::npos) == (mode != TlsMode::none));
    REQUIRE((heard.find("LOGINDISABLED") != std::string::npos) == (mode == TlsMode::required));
    world.say("a LOGIN joe secret\r\n");
    if (mode == TlsMode::required) REQUIRE_THAT(world.hear(), Contains("a NO [PRIVACYREQUIRED]"));
  }
  SECTION("clear text that comes early") {
    SessionWorld world(options);
    world.begin();
    world.say("a LOGIN joe secret\r\n");
    if (mode == TlsMode::required) {
      REQUIRE_THAT(world.hear(), Contains("a NO [PRIVACYREQUIRED]"));
    } else {
      world.greet(kGreeting);
      REQUIRE(world.backend().take() == "a LOGIN joe secret\r\n");
    }
  }
}

TEST_CASE("auto, cleartext_login holds as on an optional listener") {
  auto options = automatic();
  options.cleartext_login = conf::CleartextLogin::refuse;
  SessionWorld world(options);
  world.begin();
  world.pass(200ms);
  world.greet(kGreeting);
  REQUIRE_THAT(world.hear(), Contains("LOGINDISABLED"));
  world.say("a LOGIN joe secret\r\n");
  REQUIRE(world.backend().received().empty());
  REQUIRE(world.events() == std::vector<std::string>{"login-refused failure cleartext"});
}

TEST_CASE("auto, who is served on a port for something else is named once a day") {
  const auto remembered = std::make_shared<session::Remembered>();
  const auto notices_of_tls = [&](std::uint16_t port) {
    SessionWorld world(at_port(port, remembered));
    world.begin();
    world.shake_hands();
    return world.recorded<audit::SessionNotice>();
  };
  const auto notices_of_clear = [&](std::uint16_t port) {
    SessionWorld world(at_port(port, remembered));
    world.begin();
    world.pass(200ms);
    world.greet(kGreeting);
    REQUIRE(world.recorded<audit::SessionNotice>().empty());  // it may still be a scanner
    world.say("a NOOP\r\n");
    return world.recorded<audit::SessionNotice>();
  };
  for (const auto port : {993, 2143})
    REQUIRE(notices_of_tls(static_cast<std::uint16_t>(port)).empty());
  for (const auto port : {143, 2143})
    REQUIRE(notices_of_clear(static_cast<std::uint16_t>(port)).empty());
  const auto tls = notices_of_tls(143);
  REQUIRE(tls.size() == 1);
  REQUIRE(tls[0].action == "tls-on-clear-port");
  REQUIRE(tls[0].session.security == audit::Security::implicit);
  REQUIRE(tls[0].is_served);
  REQUIRE_THAT(tls[0].reason, StartsWith("served: "));
  REQUIRE(notices_of_tls(143).empty());
  const auto clear = notices_of_clear(993);
  REQUIRE(clear.size() == 1);
  REQUIRE(clear[0].action == "clear-on-tls-port");
  REQUIRE(clear[0].session.security == audit::Security::cleartext);
  REQUIRE(notices_of_clear(993).empty());

  SessionWorld tomorrow(at_port(143, remembered));
  tomorrow.jump(24h);
  tomorrow.begin();
  tomorrow.shake_hands();
  REQUIRE(tomorrow.recorded<audit::SessionNotice>().size() == 1);
}
