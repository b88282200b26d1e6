// audit.on_failure: whether logins pass while the audit cannot be written.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using conf::TlsMode;
using protocols::Protocol;

namespace {

constexpr auto kGreeting = "* OK old server ready\r\n";
constexpr auto kLater =
    "NO [UNAVAILABLE] Logging in is not possible at the moment, try again later\r\n";

void refuse_on_failure(conf::Settings& settings) {
  settings.audit.on_failure = conf::OnFailure::refuse;
}

// A client of an IMAP listener, greeted in clear or under TLS.
struct Client {
  SessionWorld world;
  bool is_in_tls;

  Client(const WorldOptions& options, bool in_tls) : world(options), is_in_tls(in_tls) {
    world.begin();
    if (is_in_tls) world.shake_hands();
    world.greet(kGreeting);
    hear();
  }
  std::string hear() { return is_in_tls ? world.hear_in_tls() : world.hear(); }
  std::string say(const std::string& bytes) {
    is_in_tls ? world.say_in_tls(bytes) : world.say(bytes);
    return hear();
  }
  // Logs in, and gives what the client heard.
  std::string log_in(const std::string& tag) {
    auto heard = say(tag + " LOGIN joe secret\r\n");
    if (world.backend().take().empty()) return heard;
    world.backend().send(tag + " OK in\r\n");
    return heard + hear();
  }
};

}  // namespace

TEST_CASE("with `refuse` no login passes while the audit fails, in clear or under TLS") {
  for (const auto mode : {TlsMode::none, TlsMode::implicit}) {
    Client client({.mode = mode, .adjust = refuse_on_failure}, mode == TlsMode::implicit);
    client.world.break_audit(true);
    REQUIRE(client.log_in("a") == "a " + std::string(kLater));
    REQUIRE(client.log_in("b") == "b " + std::string(kLater));
    const auto refused = client.world.recorded<audit::LoginRefusedEvent>();
    REQUIRE(refused.size() == 2);
    REQUIRE(refused[0].reason == "audit");
    REQUIRE(refused[0].login.user == "joe");
    REQUIRE(refused[0].login.secret_exposed == (mode == TlsMode::none));
    // The session goes on, and once the audit works again, so do logins.
    client.world.break_audit(false);
    REQUIRE(client.log_in("c") == "c OK in\r\n");
    // Who is in stays in.
    client.world.break_audit(true);
    client.say("d NOOP\r\n");
    REQUIRE(client.world.backend().take() == "d NOOP\r\n");
    REQUIRE(client.world.events() == std::vector<std::string>{"login-refused failure audit",
                                                              "login-refused failure audit",
                                                              "login success"});
  }
}

TEST_CASE("with `continue`, the default, they pass") {
  Client client({.mode = TlsMode::none}, false);
  client.world.break_audit(true);
  REQUIRE(client.log_in("a") == "a OK in\r\n");
}

TEST_CASE("a login that is under way when the audit fails does not get its secret through") {
  SessionWorld world(
      {.mode = TlsMode::none, .protocol = Protocol::pop3, .adjust = refuse_on_failure});
  world.begin();
  world.greet("+OK ready\r\n");
  world.say("USER joe\r\n");
  REQUIRE(world.backend().take() == "USER joe\r\n");
  world.backend().send("+OK\r\n");
  world.hear();
  world.break_audit(true);
  world.say("PASS secret\r\n");
  REQUIRE(world.hear() ==
          "-ERR [SYS/TEMP] Logging in is not possible at the moment, try again later\r\n");
  REQUIRE(world.backend().take().empty());
  REQUIRE(world.recorded<audit::LoginRefusedEvent>().at(0).login.user == "joe");
}

TEST_CASE("what the policy refuses it refuses for good, whatever the audit does") {
  Client client({.mode = TlsMode::none,
                 .cleartext_login = conf::CleartextLogin::refuse,
                 .adjust = refuse_on_failure},
                false);
  client.world.break_audit(true);
  REQUIRE_THAT(client.log_in("a"), Catch::Contains("a NO [PRIVACYREQUIRED]"));
  REQUIRE(client.world.recorded<audit::LoginRefusedEvent>().at(0).reason == "cleartext");
}
