// A backend is reached by TLS, implicit or by STARTTLS, in time, and is the one expected; what comes of
// it is a stream like any other.
#include <catch2/catch.hpp>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/link.h"
#include "test/support/tls_peer.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using backend::Security;
using backend::TlsFailure;

namespace {

const Issued& ca() {
  static const auto issued = issue({.common_name = "House CA", .is_ca = true});
  return issued;
}

Issued leaf_for(const std::string& name) {
  return issue({.common_name = "leaf", .dns_names = {name}, .issuer = &ca()});
}

std::shared_ptr<const tls::ServerContext> good_server() {
  static const auto context = context_with(leaf_for("old.internal"));
  return context;
}

std::shared_ptr<const tls::ServerContext> other_server() {
  static const auto context = context_with(leaf_for("other.internal"));
  return context;
}

std::shared_ptr<const Security> security_of(Security::Upgrade upgrade) {
  const auto context = *tls::ClientContext::make(
      {.name = "old.internal", .trust = *tls::Trust::parse(ca().certificate(), "ca.pem")});
  return std::make_shared<Security>(upgrade, Security::Contexts{context},
                                    std::vector<std::size_t>{0, 0});
}

struct User final : backend::LinkUser, net::StreamUser {
  void on_linked(net::StreamPtr linked, const net::Address& address) override {
    server = address;
    if (lets_go) return;
    stream = std::move(linked);
    stream->attach(*this);
    stream->start_reading();
  }
  void on_tls_failed(const net::Address& address, const TlsFailure& why) override {
    failures.push_back(address.text() + ": " + why.words);
  }
  void on_link_failed(net::Error error) override { failure = error; }
  void on_read(net::Stream&, std::span<char> bytes) override {
    heard.append(bytes.data(), bytes.size());
    if (heard.ends_with("go!")) stream.reset();
  }
  void on_end(net::Stream&) override { ++ends; }
  void on_broken(net::Stream&, net::Error error) override { broken = error; }
  void on_written(net::Stream&) override { ++written; }

  bool lets_go = false;
  net::StreamPtr stream;
  std::optional<net::Address> server;
  std::optional<net::Error> failure;
  std::vector<std::string> failures;
  std::string heard;
  int ends = 0;
  int written = 0;
  std::optional<net::Error> broken;
};

struct World {
  explicit World(Security::Upgrade upgrade,
                 protocols::Protocol protocol = protocols::Protocol::imap) {
    backend.security = security_of(upgrade);
    backend.protocol = protocol;
    backend.hostname = "postern.example";
  }
  void pass(net::Instant time) {
    clock.advance(time);
    timers.run(clock.now());
  }

  FakeClock clock;
  net::TimerQueue timers;
  FakeDialer dialer;
  backend::Backend backend{
      "b", {*net::Address::parse("127.0.0.1", 1), *net::Address::parse("127.0.0.2", 2)}, 5s, 60s};
  User user;
  backend::Link link{dialer, clock, timers, backend, user};
};

constexpr std::string_view kGreeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n";

}  // namespace

TEST_CASE(
    "implicit TLS: the handshake begins with the connection, and the greeting ends the dial") {
  const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{100'000});
  World world(Security::Upgrade::implicit);
  world.link.next();
  const auto peer = world.dialer.succeed();
  TlsPeer server(good_server(), piece);
  server.pump(*peer);
  REQUIRE(server.engine().state() == tls::Engine::State::open);
  CHECK(server.engine().facts().server_name == "old.internal");
  CHECK(world.user.stream == nullptr);
  const auto secured_at = world.clock.now();
  world.pass(30s);  // old servers look names up first
  server.say(*peer, "* OK ready\r\n");
  REQUIRE(world.user.stream != nullptr);
  CHECK(world.user.server == world.backend.servers[0]);
  CHECK(world.link.waiting_since() == secured_at);
  CHECK(world.link.tls().version == "1.3");
  CHECK(world.user.heard == "* OK ready\r\n");
  CHECK_FALSE(world.timers.next());

  const std::string large(200'000, 'x');
  world.user.stream->write("a LOGIN joe secret\r\n");
  world.user.stream->write(large);
  CHECK(server.hear(*peer) == "a LOGIN joe secret\r\n" + large);
  server.say(*peer, large);
  CHECK(world.user.heard == "* OK ready\r\n" + large);
}

TEST_CASE("STARTTLS: asked for in clear, then the greeting is told as if it came under TLS") {
  struct Case {
    protocols::Protocol protocol;
    std::string greeting;
    std::vector<std::pair<std::string, std::string>> exchange;  // command, reply
    std::string told;
  };
  const std::vector<Case> cases = {
      {protocols::Protocol::imap,
       std::string(kGreeting),
       {{"p1 STARTTLS\r\n", "p1 OK go\r\n"}},
       "* OK ready\r\n"},
      {protocols::Protocol::pop3, "+OK <1@x>\r\n", {{"STLS\r\n", "+OK go\r\n"}}, "+OK <1@x>\r\n"},
      {protocols::Protocol::submission,
       "220 old ESMTP\r\n",
       {{"EHLO postern.example\r\n", "250-old\r\n250 STARTTLS\r\n"},
        {"STARTTLS\r\n", "220 go\r\n"}},
       "220 old ESMTP\r\n"},
  };
  for (const auto& one : cases) {
    INFO(one.greeting);
    World world(Security::Upgrade::starttls, one.protocol);
    world.link.next();
    const auto peer = world.dialer.succeed();
    peer->send(one.greeting);
    for (const auto& [command, reply] : one.exchange) {
      CHECK(peer->take() == command);
      peer->send(reply);
    }
    CHECK(world.user.stream == nullptr);
    TlsPeer server(good_server());
    server.pump(*peer);
    REQUIRE(world.user.stream != nullptr);
    CHECK(world.user.heard == one.told);
    CHECK(world.link.tls().version == "1.3");
    world.user.stream->write("next\r\n");
    CHECK(server.hear(*peer) == "next\r\n");
    CHECK_FALSE(world.timers.next());
  }
}

TEST_CASE(
    "a server that is not the one expected is followed by the next, and told with the reason") {
  World world(Security::Upgrade::implicit);
  world.link.next();
  auto peer = world.dialer.succeed();
  TlsPeer other(other_server());
  other.pump(*peer);
  CHECK(peer->is_closed());
  CHECK(other.engine().failure() == tls::Failure::peer_alert);
  CHECK(world.user.failures ==
        std::vector<std::string>{"127.0.0.1:1: the certificate is for other.internal, not for "
                                 "old.internal"});
  REQUIRE(world.dialer.is_dialling());
  CHECK(world.dialer.address() == world.backend.servers[1]);
  SECTION("the next is good") {
    peer = world.dialer.succeed();
    TlsPeer server(good_server());
    server.pump(*peer);
    server.say(*peer, "* OK\r\n");
    CHECK(world.user.server == world.backend.servers[1]);
    CHECK_FALSE(world.user.failure);
  }
  SECTION("the next is not there") {
    world.dialer.fail(-ECONNREFUSED);
    CHECK(world.user.failure->code == -ECONNREFUSED);
    CHECK(world.link.tls_failure() == TlsFailure::Kind::none);
  }
  SECTION("nor is the next") {
    peer = world.dialer.succeed();
    TlsPeer server(other_server());
    server.pump(*peer);
    CHECK(world.user.failures.size() == 2);
    CHECK(world.user.failure);
    CHECK(world.link.tls_failure() == TlsFailure::Kind::failed);
  }
}

TEST_CASE("there is no way back to clear text") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"* PREAUTH in\r\n"}, "its greeting in clear is PREAUTH, or none at all"},
      {{"* OK\r\n", "p1 BAD what?\r\n"}, "it does not offer STARTTLS, or refuses it"},
  };
  for (const auto& [said, words] : cases) {
    World world(Security::Upgrade::starttls);
    world.link.next();
    const auto peer = world.dialer.succeed();
    for (const auto& piece : said) peer->send(piece);
    CHECK(world.user.failures == std::vector<std::string>{"127.0.0.1:1: " + words});
    CHECK(world.user.stream == nullptr);
    CHECK(world.dialer.address() == world.backend.servers[1]);
  }
  World world(Security::Upgrade::implicit);
  world.link.next();
  world.dialer.succeed()->send("* OK ready\r\n");
  CHECK(world.user.failures ==
        std::vector<std::string>{"127.0.0.1:1: the server speaks no TLS here"});
}

TEST_CASE("a greeting in clear that refuses is no failure of TLS: the next server is asked") {
  World world(Security::Upgrade::starttls);
  world.link.next();
  world.dialer.succeed()->send("* BYE [UNAVAILABLE] busy\r\n");
  CHECK(world.dialer.address() == world.backend.servers[1]);
  CHECK(world.link.server() == world.backend.servers[1]);
  SECTION("and refuses, too") {
    const auto peer = world.dialer.succeed();
    peer->send("* BYE " + std::string(1000, '\x1b') + "\r\n");
    CHECK(peer->is_closed());
    CHECK(world.link.tls_failure() == TlsFailure::Kind::refused);
    CHECK(world.user.failure);
    CHECK_FALSE(world.timers.next());
  }
  SECTION("and is good") {
    const auto peer = world.dialer.succeed();
    peer->send(kGreeting);
    peer->take();
    peer->send("p1 OK go\r\n");
    TlsPeer server(good_server());
    server.pump(*peer);
    CHECK(world.user.stream != nullptr);
  }
  CHECK(world.user.failures.empty());
}

TEST_CASE("a reply before its command is an attack as well") {
  World world(Security::Upgrade::starttls);
  world.link.next();
  world.dialer.succeed()->send(std::string(kGreeting) + "p1 OK go\r\n");
  CHECK(world.link.tls_failure() == TlsFailure::Kind::injection);
  CHECK(
      world.user.failures ==
      std::vector<std::string>{"127.0.0.1:1: it answered before it could have heard the command"});
  CHECK_FALSE(world.dialer.is_dialling());
}

TEST_CASE("a server that hangs up on a ClientHello has no TLS") {
  World world(Security::Upgrade::implicit);
  world.link.next();
  world.dialer.fail(-ECONNRESET);
  CHECK(world.user.failures ==
        std::vector<std::string>{"127.0.0.1:1: it closed the connection in the TLS handshake"});
  CHECK(world.dialer.address() == world.backend.servers[1]);
}

TEST_CASE("clear text behind the go-ahead is an attack, after which no other server is asked") {
  const bool comes_at_once = GENERATE(true, false);
  World world(Security::Upgrade::starttls);
  world.link.next();
  const auto peer = world.dialer.succeed();
  peer->send(kGreeting);
  const std::string injected = "* OK [CAPABILITY IMAP4rev1] injected\r\n";
  if (comes_at_once) {
    peer->send("p1 OK go\r\n" + injected);
  } else {
    peer->send("p1 OK go\r\n");
    peer->send(injected);
  }
  CHECK(peer->is_closed());
  CHECK(world.user.heard.empty());
  CHECK(world.link.tls_failure() == TlsFailure::Kind::injection);
  CHECK(world.user.failures ==
        std::vector<std::string>{"127.0.0.1:1: clear text stood behind its go-ahead for TLS"});
  CHECK(world.user.failure);
  CHECK_FALSE(world.dialer.is_dialling());
  CHECK_FALSE(world.timers.next());
}

TEST_CASE("each stage of reaching a server by TLS has its time") {
  SECTION("connecting") {
    World world(GENERATE(Security::Upgrade::implicit, Security::Upgrade::starttls));
    world.link.next();
    world.pass(5s);
    CHECK(world.user.failures.empty());
    CHECK(world.dialer.address() == world.backend.servers[1]);
  }
  SECTION("the handshake") {
    World world(Security::Upgrade::implicit);
    world.link.next();
    world.pass(4s);
    world.dialer.succeed();
    world.pass(999ms);
    CHECK(world.user.failures.empty());
    world.pass(1ms);
    CHECK(world.user.failures ==
          std::vector<std::string>{"127.0.0.1:1: the TLS handshake did not end in time"});
    CHECK(world.dialer.address() == world.backend.servers[1]);
  }
  SECTION("a greeting in clear, of a connection that stands in silence") {
    World world(Security::Upgrade::starttls);
    world.link.next();
    world.dialer.connect_silently();
    world.pass(5s);
    CHECK(world.user.failures.empty());
    world.pass(54'999ms);
    CHECK(world.user.failures.empty());
    world.pass(1ms);
    CHECK(world.user.failures ==
          std::vector<std::string>{"127.0.0.1:1: it said nothing, or not enough, in time"});
  }
  SECTION("what follows the greeting in clear") {
    World world(Security::Upgrade::starttls);
    world.link.next();
    const auto peer = world.dialer.succeed();
    world.pass(50s);
    peer->send(kGreeting);
    world.pass(4s);
    peer->send("p1 OK go\r\n");
    world.pass(1s);
    CHECK(world.user.failures ==
          std::vector<std::string>{"127.0.0.1:1: the TLS handshake did not end in time"});
  }
  SECTION("a greeting under TLS: its waiting is the user's") {
    World world(Security::Upgrade::implicit);
    world.link.next();
    const auto peer = world.dialer.succeed();
    TlsPeer server(good_server());
    server.pump(*peer);
    const auto since = world.clock.now();
    world.pass(60s);
    REQUIRE(world.user.stream != nullptr);
    CHECK(world.link.waiting_since() == since);
    server.say(*peer, "* OK\r\n");
    CHECK(world.user.heard == "* OK\r\n");
  }
}

TEST_CASE("a server that goes before it has greeted has failed, too") {
  const auto upgrade = GENERATE(Security::Upgrade::implicit, Security::Upgrade::starttls);
  const bool breaks = GENERATE(true, false);
  World world(upgrade);
  world.link.next();
  const auto peer = world.dialer.succeed();
  breaks ? peer->reset(-ECONNRESET) : peer->end();
  CHECK(world.user.failures.size() == 1);
  CHECK(peer->is_closed());
  CHECK(world.dialer.address() == world.backend.servers[1]);
}

TEST_CASE("a TLS session is resumed with the next connection") {
  World world(Security::Upgrade::implicit);
  for (const bool resumed : {false, true, true}) {
    backend::Link link(world.dialer, world.clock, world.timers, world.backend, world.user);
    link.next();
    const auto peer = world.dialer.succeed();
    TlsPeer server(good_server());
    server.pump(*peer);
    server.say(*peer, "* OK\r\n");
    CHECK(link.tls().resumed == resumed);
    CHECK(server.engine().facts().resumed == resumed);
  }
}

namespace {

struct Linked {
  Linked() {
    world.link.next();
    peer = world.dialer.succeed();
    server.pump(*peer);
    server.say(*peer, "* OK\r\n");
    REQUIRE(world.user.stream != nullptr);
    world.user.heard.clear();
  }
  World world{Security::Upgrade::implicit};
  TlsPeer server{good_server()};
  std::shared_ptr<FakePeer> peer;
};

}  // namespace

TEST_CASE("an end of TLS is one; an end of the connection alone is a break") {
  SECTION("close_notify, with the last words and the end in one") {
    Linked linked;
    linked.server.say(*linked.peer, "* BYE\r\n");
    linked.server.close(*linked.peer);
    linked.peer->end();
    CHECK(linked.world.user.heard == "* BYE\r\n");
    CHECK(linked.world.user.ends == 1);
    CHECK_FALSE(linked.world.user.broken);
    linked.world.user.stream->write("still\r\n");  // the other direction goes on
    linked.world.user.stream->shut_write();
    CHECK(linked.server.hear(*linked.peer).empty() == false);
  }
  SECTION("cut") {
    Linked linked;
    linked.server.say(*linked.peer, "* half of");
    linked.peer->end();
    CHECK(linked.world.user.heard == "* half of");
    CHECK(linked.world.user.ends == 0);
    CHECK(linked.world.user.broken);
    CHECK(linked.world.user.stream->is_broken());
    linked.world.user.stream->write("more");
    CHECK(linked.peer->take().empty());
  }
  SECTION("cut behind our own end, as many servers do it") {
    Linked linked;
    linked.world.user.stream->shut_write();
    CHECK(linked.peer->is_shut());
    linked.server.pump(*linked.peer);
    CHECK(linked.server.engine().state() == tls::Engine::State::ended);
    linked.peer->end();
    CHECK(linked.world.user.ends == 1);
    CHECK_FALSE(linked.world.user.broken);
  }
  SECTION("broken") {
    Linked linked;
    linked.peer->reset(-ETIMEDOUT);
    CHECK(linked.world.user.broken->code == -ETIMEDOUT);
  }
  SECTION("a record that is none") {
    Linked linked;
    linked.peer->send("* clear text\r\n");
    CHECK(linked.world.user.broken);
    CHECK(linked.world.user.heard.empty());
  }
  SECTION("let go of: it is told goodbye") {
    Linked linked;
    linked.world.user.stream.reset();
    CHECK(linked.peer->is_closed());
    CHECK(linked.peer->received().size() > 5);
  }
}

TEST_CASE("a clogged server is seen in the queue, and what is queued arrives in order") {
  Linked linked;
  linked.peer->clog();
  linked.world.user.stream->write(std::string(100'000, 'a'));
  CHECK(linked.world.user.stream->queued() > 100'000);
  linked.world.user.stream->write("b");
  linked.world.user.stream->shut_write();
  linked.peer->unclog();
  CHECK(linked.world.user.written == 1);
  CHECK(linked.world.user.stream->queued() == 0);
  CHECK(linked.server.hear(*linked.peer) == std::string(100'000, 'a') + "b");
  CHECK(linked.peer->is_shut());
}

TEST_CASE("reading stops and goes on as its user wants it") {
  Linked linked;
  CHECK(linked.peer->is_being_read());
  linked.world.user.stream->stop_reading();
  CHECK_FALSE(linked.peer->is_being_read());
  linked.world.user.stream->start_reading();
  linked.server.say(*linked.peer, "more");
  CHECK(linked.world.user.heard == "more");
}

TEST_CASE("whoever lets go of a stream under TLS in its own callback hears no more of it") {
  SECTION("when it is linked") {
    World world(Security::Upgrade::implicit);
    world.user.lets_go = true;
    world.link.next();
    const auto peer = world.dialer.succeed();
    TlsPeer server(good_server());
    server.pump(*peer);
    server.say(*peer, "* OK\r\n");
    CHECK(peer->is_closed());
    CHECK(world.user.heard.empty());
  }
  SECTION("when it is read") {
    Linked linked;
    linked.server.say(*linked.peer, "go!");
    CHECK(linked.peer->is_closed());
    CHECK(linked.world.user.heard == "go!");
  }
}

TEST_CASE("a search by TLS that is given up lets go of what it holds") {
  const auto stage = GENERATE(0, 1, 2);
  auto world = std::make_unique<World>(Security::Upgrade::implicit);
  world->link.next();
  std::shared_ptr<FakePeer> peer;
  if (stage > 0) peer = world->dialer.succeed();
  if (stage > 1) {
    TlsPeer server(good_server());
    server.pump(*peer);
  }
  world.reset();
  if (peer != nullptr) CHECK(peer->is_closed());
}

TEST_CASE("the same complaint is made once a minute, and another one at once") {
  const backend::Complaints complaints;
  CHECK(complaints.is_news(0, "expired", 0s));
  CHECK_FALSE(complaints.is_news(0, "expired", 59s));
  CHECK(complaints.is_news(1, "expired", 59s));
  CHECK(complaints.is_news(0, "expired", 60s));
  CHECK(complaints.is_news(0, "other", 61s));
  CHECK_FALSE(complaints.is_news(0, "other", 62s));
}
