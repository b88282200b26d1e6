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
