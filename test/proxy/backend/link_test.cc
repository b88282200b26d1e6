// Servers are tried in their order, each within its time.
#include "proxy/backend/link.h"

#include <catch2/catch.hpp>
#include <optional>

#include "test/support/fake_net.h"

using namespace postern;
using namespace std::chrono_literals;

namespace {

struct User final : backend::LinkUser {
  void on_linked(net::StreamPtr linked, const net::Address& address) override {
    stream = std::move(linked);
    server = address;
  }
  void on_tls_failed(const net::Address& address, const backend::TlsFailure& why) override {
    tls_failures.push_back(address.text() + ": " + why.words);
    tls_failure = why.kind;
  }
  void on_link_failed(net::Error error) override { failure = error; }
  net::StreamPtr stream;
  std::optional<net::Address> server;
  std::optional<net::Error> failure;
  std::vector<std::string> tls_failures;
  backend::TlsFailure::Kind tls_failure{};
};

struct World {
  test::FakeClock clock;
  net::TimerQueue timers;
  test::FakeDialer dialer;
  backend::Backend backend{
      "b", {*net::Address::parse("127.0.0.1", 1), *net::Address::parse("127.0.0.2", 2)}, 5s, 60s};
  User user;
  backend::Link link{dialer, clock, timers, backend, user};
};

}  // namespace

TEST_CASE("a server that refuses is followed by the next, and the last error is told") {
  World world;
  world.link.next();
  REQUIRE(world.dialer.address() == world.backend.servers[0]);
  world.dialer.fail(-ECONNREFUSED);
  REQUIRE(world.dialer.address() == world.backend.servers[1]);
  world.dialer.fail(-EHOSTUNREACH);
  REQUIRE(world.user.failure->code == -EHOSTUNREACH);
  REQUIRE_FALSE(world.timers.next());
}

TEST_CASE("a server that does not answer in time is given up for the next") {
  World world;
  world.link.next();
  world.clock.advance(5s);
  world.timers.run(world.clock.now());
  REQUIRE(world.dialer.address() == world.backend.servers[1]);
  world.dialer.succeed();
  REQUIRE(world.user.server == world.backend.servers[1]);
  REQUIRE_FALSE(world.link.has_next());
  REQUIRE_FALSE(world.timers.next());
}

TEST_CASE("after a greeting that refuses, the next server is asked") {
  World world;
  world.link.next();
  world.dialer.succeed();
  REQUIRE(world.user.server == world.backend.servers[0]);
  REQUIRE(world.link.has_next());
  world.link.next();
  world.dialer.succeed();
  REQUIRE(world.user.server == world.backend.servers[1]);
}

TEST_CASE("a lack of descriptors is no server's fault: the same one is dialled again for a while") {
  World world;
  world.link.next();
  world.dialer.fail(-EMFILE);
  REQUIRE_FALSE(world.dialer.is_dialling());
  world.clock.advance(1s);
  world.timers.run(world.clock.now());
  REQUIRE(world.dialer.address() == world.backend.servers[0]);
  world.dialer.fail(-ENFILE);
  world.clock.advance(1s);
  world.timers.run(world.clock.now());
  world.dialer.succeed();
  REQUIRE(world.user.server == world.backend.servers[0]);
  REQUIRE_FALSE(world.timers.next());
}

TEST_CASE("a lack that lasts is told for what it is, and no other server is asked") {
  World world;
  const auto began = world.clock.now();
  world.link.next();
  int dials = 0;
  while (!world.user.failure) {
    REQUIRE(++dials < 100);
    REQUIRE(world.dialer.address() == world.backend.servers[0]);
    world.dialer.fail(-EMFILE);
    if (world.user.failure) break;
    world.clock.advance(1s);
    world.timers.run(world.clock.now());
  }
  REQUIRE(world.user.failure->code == -EMFILE);
  REQUIRE(dials >= 4);
  REQUIRE(world.clock.now() <= began + 5s);
  REQUIRE_FALSE(world.timers.next());
}

TEST_CASE("a connection that stands in silence is waited for since it was dialled") {
  World world;
  const auto began = world.clock.now();
  world.link.next();
  world.dialer.connect_silently();
  world.clock.advance(5s);
  world.timers.run(world.clock.now());
  REQUIRE(world.user.server == world.backend.servers[0]);
  REQUIRE(world.link.waiting_since() == began);
  REQUIRE_FALSE(world.timers.next());
}

TEST_CASE("behind one that stood in silence the next server is waited for since it spoke") {
  World world;
  const auto began = world.clock.now();
  world.link.next();
  world.dialer.connect_silently();
  world.clock.advance(5s);
  world.timers.run(world.clock.now());
  REQUIRE(world.user.server == world.backend.servers[0]);
  world.link.next();
  world.clock.advance(1s);
  world.dialer.succeed();
  REQUIRE(world.user.server == world.backend.servers[1]);
  REQUIRE(world.link.waiting_since() == began + 6s);
}

TEST_CASE("a greeting that may take less time than the connection is not waited for longer") {
  World world;
  world.backend.greeting_timeout = 2s;
  const auto began = world.clock.now();
  SECTION("it stands") {
    world.link.next();
    world.dialer.connect_silently();
    world.clock.advance(2s);
    world.timers.run(world.clock.now());
    REQUIRE(world.user.server == world.backend.servers[0]);
    REQUIRE(world.link.waiting_since() == began);
  }
  SECTION("it does not: it has the rest of its time") {
    world.link.next();
    world.clock.advance(2s);
    world.timers.run(world.clock.now());
    REQUIRE(world.dialer.address() == world.backend.servers[0]);
    REQUIRE(world.timers.next() == began + 5s);
    world.clock.advance(1s);
    world.dialer.succeed();
    REQUIRE(world.user.server == world.backend.servers[0]);
    REQUIRE(world.link.waiting_since() == began + 3s);
  }
}
