// One side has ended, and the other goes on: nothing is lost, nothing piles up, all of it ends.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using conf::TlsMode;
using protocols::Protocol;

namespace {

// An IMAP session in clear that has logged in.
void log_in(SessionWorld& world) {
  world.begin();
  world.greet("* OK [CAPABILITY IMAP4rev1] old server ready\r\n");
  world.hear();
  world.say("a LOGIN joe secret\r\n");
  world.backend().take();
  world.backend().send("a OK logged in\r\n");
  REQUIRE(world.hear() == "a OK logged in\r\n");
}

const std::string kMuch(64 * 1024, 'x');

}  // namespace

TEST_CASE("a client that has ended and does not read does not let the backend's bytes pile up") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().end();
  world.client().clog();
  int reads = 0;
  for (; world.backend().is_being_read() && reads < 100; ++reads) world.backend().send(kMuch);
  REQUIRE(reads < 5);
}

TEST_CASE("a client that ended while its queue was full gets the rest once it reads") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().clog();
  while (world.backend().is_being_read()) world.backend().send(kMuch);
  world.client().end();
  world.client().unclog();
  REQUIRE(world.backend().is_being_read());
  world.backend().send("last");
  REQUIRE(world.hear().ends_with("xlast"));
}

TEST_CASE("a slow client that has ended gets all that the backend sent before it closed") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().end();
  REQUIRE(world.backend().is_shut());
  world.client().clog();
  world.backend().send(kMuch);
  world.backend().end();
  world.pass(4s);
  REQUIRE_FALSE(world.client().is_closed());
  world.client().unclog();
  REQUIRE(world.hear() == kMuch);
  REQUIRE(world.client().is_closed());
  REQUIRE(world.is_over());
  REQUIRE(world.end_reason() == "client_closed");
}

TEST_CASE("a slow backend that has ended gets all that the client sent before it closed") {
  SessionWorld world({.mode = TlsMode::none, .protocol = Protocol::pop3});
  world.begin();
  world.greet("+OK\r\n");
  world.say("USER joe\r\n");
  world.backend().send("+OK\r\n");
  world.say("PASS secret\r\n");
  world.backend().send("+OK\r\n");
  world.backend().take();
  world.backend().end();
  REQUIRE(world.client().is_shut());
  world.backend().clog();
  world.say("DELE 1\r\n");
  world.client().end();
  world.pass(4s);
  REQUIRE_FALSE(world.backend().is_closed());
  world.backend().unclog();
  REQUIRE(world.backend().take() == "DELE 1\r\n");
  REQUIRE(world.is_over());
  REQUIRE(world.end_reason() == "backend_closed");
}

TEST_CASE("both sides have ended, and one does not take what is left: cut in the end") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().end();
  world.client().clog();
  world.backend().send(kMuch);
  world.backend().end();
  world.pass(61s);
  REQUIRE(world.end_reason() == "drain_timeout");
  world.pass(3s);
  REQUIRE(world.is_over());
}

TEST_CASE("a backend that breaks while it is written to is no proper end: the client is cut") {
  SessionWorld world({.mode = TlsMode::implicit, .protocol = Protocol::pop3});
  world.begin();
  world.shake_hands();
  world.greet("+OK\r\n");
  world.hear_in_tls();
  world.say_in_tls("APOP joe digest\r\n");
  world.backend().send("+OK\r\n");
  world.hear_in_tls();
  world.backend().break_at_write();
  world.say_in_tls("NOOP\r\n");
  REQUIRE(world.end_reason() == "backend_reset");
  world.hear_in_tls();
  REQUIRE_FALSE(world.tls().ended());
}

TEST_CASE("a client cannot keep a session alive by sending to a backend that has gone") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.backend().send("* BYE\r\n");
  world.backend().end();
  REQUIRE(world.client().is_shut());
  world.backend().break_at_write();
  world.say("b NOOP\r\n");
  REQUIRE(world.end_reason() == "backend_closed");
}

TEST_CASE("a shutdown says nothing to a client to which writing has ended") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.backend().send("* BYE\r\n");
  world.backend().end();
  REQUIRE(world.hear() == "* BYE\r\n");
  REQUIRE(world.client().is_shut());
  world.shut_down();
  REQUIRE(world.hear().empty());
  REQUIRE(world.end_reason() == "shutdown");
}

TEST_CASE("a slow client gets all that a backend sent before it said farewell and closed") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().clog();
  world.backend().send(kMuch);
  world.backend().send("\r\n* BYE\r\n");
  world.backend().end();
  world.pass(30s);
  REQUIRE(world.end_reason().empty());
  world.client().unclog();
  REQUIRE(world.hear() == kMuch + "\r\n* BYE\r\n");
  REQUIRE(world.client().is_shut());
}

TEST_CASE("a slow client gets what came before the backend died, and the words behind it") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().clog();
  const std::string much = "* 1 " + std::string(100'000, 'x') + "\r\n";
  world.backend().send(much);
  world.backend().end();
  REQUIRE(world.end_reason() == "backend_closed");
  world.pass(30s);
  REQUIRE_FALSE(world.is_over());
  world.client().unclog();
  const auto heard = world.hear();
  REQUIRE_THAT(heard, Catch::StartsWith(much));
  REQUIRE_THAT(heard, Catch::Contains("\r\n* BYE"));
  world.pass(1s);
  REQUIRE_FALSE(world.is_over());
  world.pass(2s);
  REQUIRE(world.is_over());
}

TEST_CASE("a client that takes nothing is closed all the same, however much it sends") {
  SessionWorld world({.mode = TlsMode::none});
  log_in(world);
  world.client().clog();
  world.backend().send("* 1 EXISTS\r\n");
  world.backend().end();
  const std::string much(100'000, 'x');
  int reads = 0;
  while (world.client().is_being_read() && reads < 100) {
    world.client().send(much);
    ++reads;
  }
  REQUIRE(reads < 20);
  world.pass(61s);
  REQUIRE(world.is_over());
}
