// A client of an implicit listener is greeted in its backend's words before the backend is dialled.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace std::chrono_literals;
using conf::TlsMode;
using protocols::Protocol;
using test::SessionWorld;
using test::WorldOptions;

namespace {

constexpr std::string_view kGreeting = "* OK [CAPABILITY IMAP4rev1] ready\r\n";

WorldOptions options(const std::shared_ptr<backend::KnownGreetings>& known) {
  WorldOptions options{.mode = TlsMode::implicit};
  options.known_greetings = known;
  return options;
}

void begin(SessionWorld& world) {
  world.begin();
  world.shake_hands();
}

// Two sessions whose backend says the same, far enough from each other.
void make_known(const WorldOptions& options, std::string_view greeting) {
  for (int i = 0; i < 2; ++i) {
    SessionWorld world(options);
    begin(world);
    world.pass(i * backend::KnownGreetings::kSteady);
    world.greet(greeting);
    REQUIRE(world.hear_in_tls() == greeting);
  }
}

std::shared_ptr<backend::KnownGreetings> known_greetings() {
  auto known = std::make_shared<backend::KnownGreetings>();
  make_known(options(known), kGreeting);
  return known;
}

}  // namespace

TEST_CASE("a client is greeted ahead, and the backend is dialled when it says something") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  REQUIRE(world.hear_in_tls() == kGreeting);
  REQUIRE_FALSE(world.dialer().is_dialling());
  world.say_in_tls("a LOGIN joe secret\r\n");
  REQUIRE(world.dialer().is_dialling());
  world.connect();
  REQUIRE(world.backend().take().empty());
  world.backend().send(kGreeting);
  REQUIRE(world.backend().take() == "a LOGIN joe secret\r\n");
  world.backend().send("a OK in\r\n");
  REQUIRE(world.hear_in_tls() == "a OK in\r\n");
}

TEST_CASE("a client that is greeted ahead and says nothing troubles no backend") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  REQUIRE(world.hear_in_tls() == kGreeting);
  SECTION("it leaves") {
    world.client().end();
    REQUIRE(world.end_reason() == "client_closed");
  }
  SECTION("it stays too long") {
    world.pass(10min);
    REQUIRE(world.end_reason() == "login_timeout");
    REQUIRE(world.hear_in_tls().starts_with("* BYE"));
  }
  SECTION("postern ends") {
    world.shut_down();
    REQUIRE(world.end_reason() == "shutdown");
    REQUIRE(world.hear_in_tls().starts_with("* BYE"));
  }
  REQUIRE(world.dialer().dials() == 0);
}

TEST_CASE("the backend's greeting may come in pieces, and the client's words in several") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  world.hear_in_tls();
  world.say_in_tls("a NO");
  world.say_in_tls("OP\r\n");
  world.connect();
  world.say_in_tls("b CAPABILITY\r\n");
  for (const char c : kGreeting) {
    REQUIRE(world.backend().take().empty());
    world.backend().send(std::string_view(&c, 1));
  }
  REQUIRE(world.backend().take() == "a NOOP\r\nb CAPABILITY\r\n");
}

TEST_CASE("a backend that greets otherwise than foretold ends the session, and is asked again") {
  const auto known = known_greetings();
  {
    SessionWorld world(options(known));
    begin(world);
    world.hear_in_tls();
    world.say_in_tls("a LOGIN joe secret\r\n");
    const std::string other =
        GENERATE("* PREAUTH you\r\n", "* OK [CAPABILITY IMAP4rev1] Ready\r\n", "* BYE\r\n", "x");
    world.connect();
    const auto backend = world.shared_backend();
    backend->send(other);
    REQUIRE(backend->take().empty());
    REQUIRE(world.hear_in_tls().starts_with("* BYE"));
    REQUIRE(world.end_reason() == "backend_closed");
  }
  SessionWorld next(options(known));
  begin(next);
  REQUIRE(next.dialer().is_dialling());
}

TEST_CASE("a backend that is gone since is told of in the protocol's words, and asked again") {
  const auto protocol = GENERATE(Protocol::imap, Protocol::pop3, Protocol::submission);
  const std::string greeting = protocol == Protocol::imap   ? "* OK x\r\n"
                               : protocol == Protocol::pop3 ? "+OK x\r\n"
                                                            : "220 x\r\n";
  const std::string command = protocol == Protocol::imap   ? "a NOOP\r\n"
                              : protocol == Protocol::pop3 ? "CAPA\r\n"
                                                           : "EHLO c\r\n";
  const std::string words = protocol == Protocol::imap   ? "* BYE"
                            : protocol == Protocol::pop3 ? "-ERR"
                                                         : "421 ";
  const auto known = std::make_shared<backend::KnownGreetings>();
  auto with = options(known);
  with.protocol = protocol;
  make_known(with, greeting);
  {
    SessionWorld world(with);
    begin(world);
    REQUIRE(world.hear_in_tls() == greeting);
    world.say_in_tls(command);
    SECTION("it refuses the connection") {
      world.dialer().fail(-ECONNREFUSED);
      REQUIRE(world.end_reason() == "backend_unreachable");
    }
    SECTION("it hangs up in the middle of its greeting") {
      world.greet(greeting.substr(0, 3));
      world.backend().end();
      REQUIRE(world.end_reason() == "backend_closed");
    }
    SECTION("it says nothing") {
      world.connect();
      world.pass(10min);
      REQUIRE(world.end_reason() == "backend_timeout");
    }
    REQUIRE(world.hear_in_tls().starts_with(words));
  }
  SessionWorld next(with);
  begin(next);
  REQUIRE(next.dialer().is_dialling());
}

TEST_CASE("what a client said at length goes nowhere where its backend is gone") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  world.hear_in_tls();
  world.say_in_tls("a NOOP " + std::string(20'000, 'x') + "\r\n");
  SECTION("unreachable") {
    world.dialer().fail(-ECONNREFUSED);
    REQUIRE(world.end_reason() == "backend_unreachable");
  }
  SECTION("another") {
    world.greet("* OK somebody else\r\n");
    REQUIRE(world.end_reason() == "backend_closed");
    REQUIRE(world.backend().received().empty());
  }
  REQUIRE(world.hear_in_tls().starts_with("* BYE"));
  REQUIRE(world.recorded<audit::SessionEndEvent>().front().bytes_in == 0);
}

TEST_CASE("what the backend says behind its greeting came before the client's words") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  world.hear_in_tls();
  world.say_in_tls("a LOGIN joe secret\r\n");
  world.connect();
  const auto backend = world.shared_backend();
  backend->send(std::string(kGreeting) + "a OK in\r\n");
  REQUIRE(world.end_reason() == "response_injection");
  REQUIRE(backend->take().find("secret") == std::string::npos);
}

TEST_CASE("a client that ends behind its words is heard out, one that floods is not read on") {
  const auto known = known_greetings();
  SessionWorld world(options(known));
  begin(world);
  world.hear_in_tls();
  SECTION("it ends") {
    world.say_in_tls("a LOGOUT\r\n");
    world.client().end();
    world.greet(kGreeting);
    REQUIRE(world.backend().take() == "a LOGOUT\r\n");
    REQUIRE(world.backend().is_shut());
  }
  SECTION("it floods") {
    world.say_in_tls(std::string(8000, 'x'));
    REQUIRE_FALSE(world.client().is_being_read());
    world.greet(kGreeting);
    REQUIRE(world.client().is_being_read());
  }
}

TEST_CASE("behind STARTTLS and in clear the backend is dialled at once") {
  const auto known = known_greetings();
  auto with = options(known);
  with.mode = TlsMode::none;
  SessionWorld world(with);
  world.begin();
  REQUIRE(world.dialer().is_dialling());
}
