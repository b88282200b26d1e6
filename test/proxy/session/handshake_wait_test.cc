// A session whose handshake waits: for the signature of an RSA key, or for its turn.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"
#include "test/support/certificates.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using conf::TlsMode;
using protocols::Protocol;

namespace {

WorldOptions with_rsa(TlsMode mode = TlsMode::implicit) {
  static const auto issued = issue(
      {.common_name = "mail.example.com", .dns_names = {"mail.example.com"}, .kind = KeyKind::rsa});
  WorldOptions options;
  options.mode = mode;
  options.protocol = Protocol::imap;
  options.key = {issued.certificate(), issued.key()};
  return options;
}

std::string hello() {
  TlsClient client;
  client.receive("");
  return client.take_output();
}

}  // namespace

TEST_CASE("a session waits for its signature, is still read, and goes on with it") {
  SessionWorld world(with_rsa());
  world.begin();
  TlsClient client;
  client.receive("");
  world.client().send(client.take_output());
  REQUIRE(world.hear().empty());
  REQUIRE(world.client().is_being_read());
  REQUIRE_FALSE(world.take_turn());
  REQUIRE(world.sign());
  world.take_turn();
  client.receive(world.hear());
  REQUIRE(client.connected());
  world.client().send(client.take_output());
  world.settle();
  REQUIRE(world.dialer().is_dialling());
  world.greet("* OK hello\r\n");
  client.receive(world.hear());
  REQUIRE(client.take_received() == "* OK hello\r\n");
}

TEST_CASE("STARTTLS with an RSA key waits likewise, for what stood behind it too") {
  SessionWorld world(with_rsa(TlsMode::required));
  world.begin();
  world.hear();
  SECTION("the hello comes behind the go-ahead") {
    world.say("a STARTTLS\r\n");
    world.hear();
    world.say(hello());
  }
  SECTION("it comes in one piece with the command") {
    world.say("a STARTTLS\r\n" + hello());
    world.hear();
  }
  REQUIRE(world.sign());
  REQUIRE(world.hear().empty());
  world.take_turn();
  REQUIRE_FALSE(world.hear().empty());
}

TEST_CASE("a client that sends more while it waits is read once more, then no further") {
  SessionWorld world(with_rsa());
  world.begin();
  world.client().send(hello());
  world.client().send("\x17\x03\x03");
  REQUIRE_FALSE(world.client().is_being_read());
  world.settle();
  REQUIRE(world.client().is_being_read());
}

TEST_CASE("a session that ends while it waits for its signature leaves nothing behind") {
  SessionWorld world(with_rsa());
  world.begin();
  world.client().send(hello());
  const bool is_made = GENERATE(false, true);
  if (is_made) REQUIRE(world.sign());
  SECTION("the client closes") {
    world.client().end();
    REQUIRE(world.end_reason() == "client_closed");
  }
  SECTION("its connection breaks") {
    world.client().reset(-ECONNRESET);
    REQUIRE(world.end_reason() == "client_reset");
  }
  SECTION("its time is up") {
    world.pass(11s);
    REQUIRE(world.end_reason() == "handshake_timeout");
  }
  SECTION("postern ends") {
    world.shut_down();
    REQUIRE(world.end_reason() == "shutdown");
  }
  REQUIRE_FALSE(world.sign());
  world.take_turn();
  REQUIRE(world.hear().empty());
}

TEST_CASE("a session that waits for its turn ends in time, too") {
  SessionWorld world(with_rsa());
  struct Nobody final : tls::HandshakeUser {
    void on_turn() override {}
  } nobody;
  tls::HandshakeUser& user = nobody;
  const auto pair = tls::make_throwaway_certificate({"mail.example.com"});
  tls::ServerOptions options;
  options.credentials = {*tls::Credentials::parse(pair.chain, pair.key, "chain", "key")};
  const auto context = *tls::ServerContext::make(options);
  tls::Octets plain;
  std::string output;
  // Others take all steps of this turn.
  for (std::size_t i = 0; i < tls::HandshakeQueue::kMostSteps; ++i) {
    tls::Engine(context, &world.handshakes(), &user).receive(hello(), plain, output);
  }
  world.begin();
  world.client().send(hello());
  REQUIRE_FALSE(world.sign());
  SECTION("by its deadline") {
    world.pass(11s);
    REQUIRE(world.end_reason() == "handshake_timeout");
    world.take_turn();
    REQUIRE_FALSE(world.sign());
  }
  SECTION("or goes on in the next") {
    world.take_turn();
    REQUIRE(world.sign());
  }
}
