// What fails below the protocols: TLS that breaks or is given up, and what it leaves behind.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"
#include "test/tls/hello.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using conf::TlsMode;
using protocols::Protocol;

namespace {

constexpr auto kGreeting = "* OK [CAPABILITY IMAP4rev1] old server ready\r\n";
constexpr std::string_view kBrokenRecord("\x17\x03\x03\0\5xxxxx", 10);

// All that a string's memory holds, used or not: what was never used may hold anything that this
// program had there before, so what is looked for must be said nowhere else.
template <class Text>
std::string memory_of(const Text& text) {
  return {text.data(), text.capacity()};
}

}  // namespace

TEST_CASE("a password in the same read as a broken record is wiped") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  world.shake_hands();
  world.greet(kGreeting);
  world.tls().send("a LOGIN joe wiped-5512\r\n");
  world.client().send(world.tls().take_output() + std::string(kBrokenRecord));
  REQUIRE(world.end_reason() == "tls_error");
  REQUIRE_THAT(memory_of(world.memory().decrypted), !Catch::Contains("wiped-5512"));
}

TEST_CASE("the memory through which passwords pass does not move, and is wiped") {
  SessionWorld world({.mode = TlsMode::implicit});
  const auto* const decrypted = world.memory().decrypted.data();
  const auto* const to_backend = world.memory().to_backend.data();
  world.begin();
  world.shake_hands();
  world.greet(kGreeting);
  std::string password;
  while (password.size() < 60'000) password += "wiped-7731";
  world.say_in_tls("a LOGIN joe " + password + "\r\n");
  REQUIRE(world.backend().received().size() > 60'000);
  REQUIRE(world.memory().decrypted.data() == decrypted);
  REQUIRE(world.memory().to_backend.data() == to_backend);
  REQUIRE_THAT(memory_of(world.memory().decrypted), !Catch::Contains("wiped-7731"));
  REQUIRE_THAT(memory_of(world.memory().to_backend), !Catch::Contains("wiped-7731"));
}

TEST_CASE("the end of a session whose TLS broke tells of its TLS") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  world.shake_hands();
  world.greet(kGreeting);
  world.client().send(kBrokenRecord);
  REQUIRE(world.end_reason() == "tls_error");
  const auto& end = std::get<audit::SessionEndEvent>(world.last_event().body);
  REQUIRE(end.session.tls);
  REQUIRE(end.session.tls->version == "1.3");
}

TEST_CASE("a handshake that was given up is an event of its own, with what the client offered") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  TlsClient tls;
  tls.receive("");
  const auto hello = tls.take_output();
  SECTION("the client closes, as some do that dislike the certificate") {
    world.client().send(hello);
    world.client().end();
    REQUIRE(world.events() ==
            std::vector<std::string>{"tls-handshake client_closed", "session-end client_closed"});
  }
  SECTION("or resets") {
    world.client().send(hello);
    world.client().reset(-ECONNRESET);
    REQUIRE(world.events() ==
            std::vector<std::string>{"tls-handshake client_reset", "session-end client_reset"});
  }
  SECTION("or falls silent") {
    world.client().send(hello);
    world.pass(11s);
    REQUIRE(world.events() == std::vector<std::string>{"tls-handshake handshake_timeout",
                                                       "session-end handshake_timeout"});
  }
  SECTION("one that began is one, too, with nothing to tell of an offer") {
    world.client().send(hello.substr(0, 1));
    world.client().end();
    REQUIRE(world.events() ==
            std::vector<std::string>{"tls-handshake client_closed", "session-end client_closed"});
    REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).hello.versions.empty());
  }
  SECTION("or drips its hello") {
    for (std::size_t at = 0; at < 10; ++at) {
      world.say(hello.substr(at, 1));
      world.settle();
      world.pass(1s);
    }
    REQUIRE(world.events() == std::vector<std::string>{"tls-handshake handshake_timeout",
                                                       "session-end handshake_timeout"});
  }
  SECTION("postern's own end is no failure") {
    world.client().send(hello);
    world.shut_down();
    REQUIRE(world.events() ==
            std::vector<std::string>{"session-abandoned shutdown", "session-end shutdown"});
  }
}

TEST_CASE("a probe that says nothing on a port for TLS began no handshake, and no login") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  std::string why;
  SECTION("it closes") {
    world.client().end();
    why = "client_closed";
  }
  SECTION("it resets") {
    world.client().reset(-ECONNRESET);
    why = "client_reset";
  }
  SECTION("it stays") {
    world.pass(11s);
    why = "handshake_timeout";
  }
  REQUIRE(world.events() ==
          std::vector<std::string>{"session-abandoned " + why, "session-end " + why});
}

TEST_CASE("a client that asked for TLS and then says nothing has given its handshake up") {
  SessionWorld world({.mode = TlsMode::required, .protocol = protocols::Protocol::pop3});
  world.begin();
  world.say("STLS\r\n");
  world.hear();
  world.pass(11s);
  REQUIRE(world.hear().empty());
  REQUIRE(world.events() == std::vector<std::string>{"tls-handshake handshake_timeout",
                                                     "session-end handshake_timeout"});
}

TEST_CASE("the next server has its whole time, however late the first one refused") {
  SessionWorld world({.mode = TlsMode::none, .servers = 2});
  world.begin();
  world.connect();
  world.pass(58s);
  world.backend().send("* BYE too busy\r\n");
  REQUIRE(world.dialer().dials() == 2);
  world.pass(4s);
  world.greet(kGreeting);
  REQUIRE(world.hear() == kGreeting);
}

TEST_CASE("a client that does not take the go-ahead of STARTTLS is cut when its time is up") {
  const auto mode = GENERATE(TlsMode::required, TlsMode::optional);
  const auto [protocol, greeting, command] = GENERATE(table<Protocol, std::string, std::string>({
      {Protocol::smtp, "220 old\r\n", "STARTTLS\r\n"},
      {Protocol::imap, "* OK old\r\n", "a STARTTLS\r\n"},
      {Protocol::pop3, "+OK old\r\n", "STLS\r\n"},
  }));
  SessionWorld world({.mode = mode, .protocol = protocol});
  world.begin();
  if (mode == TlsMode::optional) world.greet(greeting);
  world.hear();
  world.client().clog();
  world.say(command);
  const auto queued = world.client().queued();
  world.pass(61s);
  REQUIRE(world.end_reason() == "login_timeout");
  REQUIRE(world.client().queued() == queued);  // no words in clear behind the go-ahead
  world.pass(3s);
  REQUIRE(world.is_over());
}

TEST_CASE("what the first server had begun to say is not taken for the second's") {
  SessionWorld world({.mode = TlsMode::none, .servers = 2});
  world.begin();
  world.greet("* B");
  SECTION("it closes") { world.backend().end(); }
  SECTION("it stalls") { world.pass(61s); }
  world.greet(kGreeting);
  REQUIRE(world.hear() == kGreeting);
}

TEST_CASE("a hello of SSLv2 behind STARTTLS is an old client, not an injection") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::smtp});
  world.begin();
  world.say("STARTTLS\r\n");
  const auto hello = sslv2_hello(0x0301);
  world.say(hello.substr(0, 11));
  REQUIRE(world.events().empty());
  world.say(hello.substr(11));
  REQUIRE(world.events() ==
          std::vector<std::string>{"tls-handshake not_tls", "session-end handshake_failed"});
}
