// What the policy says of clients and logins, and that sessions obey.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using Catch::Contains;
using conf::CleartextLogin;
using conf::TlsMode;
using protocols::Protocol;

namespace {

constexpr auto kGreeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS] old server ready\r\n";
constexpr auto kScanner = "192.0.2.70";

// 192.0.2.64/28.
conf::Prefix scanner_network() { return {net::Address::parse("192.0.2.64", 0)->octets(), 124}; }

// A rule for the scanners' addresses.
void add_scanners(conf::Settings& settings) {
  auto& rule = settings.rules.emplace_back();
  rule.name = "scanners";
  rule.from = {scanner_network()};
  rule.tls_mode = TlsMode::optional;
  rule.logins.cleartext_login = CleartextLogin::observe;
}

// Logs in by IMAP's LOGIN in clear, and gives what the client heard.
std::string log_in(SessionWorld& world, const std::string& user) {
  world.begin();
  world.greet(kGreeting);
  world.hear();
  world.say("a LOGIN " + user + " secret\r\n");
  if (!world.backend().take().empty()) world.backend().send("a OK in\r\n");
  return world.hear();
}

}  // namespace

TEST_CASE("a rule opens a required listener for its addresses, and every event names it") {
  SessionWorld world({.mode = TlsMode::required, .source = kScanner, .adjust = add_scanners});
  REQUIRE(log_in(world, "joe") == "a OK in\r\n");
  world.client().end();
  world.backend().end();
  REQUIRE(world.events() == std::vector<std::string>{"login success", "session-end client_closed"});
  REQUIRE(world.recorded<audit::LoginEvent>().at(0).session.opened_by == "scanners");
  REQUIRE(world.recorded<audit::LoginEvent>().at(0).rule == "scanners");
  REQUIRE(world.recorded<audit::SessionEndEvent>().at(0).session.opened_by == "scanners");
}

TEST_CASE("and for no others: they meet the gate, and nothing is dialled") {
  SessionWorld world({.mode = TlsMode::required, .adjust = add_scanners});
  world.begin();
  REQUIRE_THAT(world.hear(), Contains("LOGINDISABLED"));
  world.say("a LOGIN joe secret\r\n");
  REQUIRE(world.dialer().dials() == 0);
  REQUIRE(world.recorded<audit::LoginRefusedEvent>().at(0).session.opened_by.empty());
  REQUIRE(world.recorded<audit::LoginRefusedEvent>().at(0).rule == "listener");
}

TEST_CASE("a rule closes an optional listener for its addresses") {
  const auto close = [](conf::Settings& settings) {
    add_scanners(settings);
    settings.rules.front().tls_mode = TlsMode::required;
  };
  SessionWorld world({.mode = TlsMode::optional, .source = kScanner, .adjust = close});
  world.begin();
  world.say("a LOGIN joe secret\r\n");
  REQUIRE(world.dialer().dials() == 0);
  REQUIRE(world.recorded<audit::LoginRefusedEvent>().at(0).rule == "scanners");
  REQUIRE(world.recorded<audit::LoginRefusedEvent>().at(0).session.opened_by.empty());
}

TEST_CASE("a date acts on a session that is open") {
  const auto dated = [](conf::Settings& settings) {
    // The clock stands at the beginning of day 20000.
    settings.listeners.front().logins.refuse_from = conf::Date(std::chrono::days(20001));
  };
  SessionWorld world({.mode = TlsMode::optional, .adjust = dated});
  world.begin();
  world.greet(kGreeting);
  world.hear();
  for (int second = 0; second < 30; ++second) {
    world.say("n NOOP\r\n");
    world.backend().send("n OK\r\n");
  }
  world.say("a LOGIN joe wrong\r\n");
  world.backend().send("a NO no\r\n");
  SECTION("before it") {
    world.backend().take();
    world.say("b LOGIN joe secret\r\n");
    REQUIRE(world.backend().take() == "b LOGIN joe secret\r\n");
  }
  SECTION("after it") {
    world.backend().take();
    world.jump(24h);
    world.say("b LOGIN joe secret\r\n");
    REQUIRE(world.backend().take().empty());
    REQUIRE(world.events().back() == "login-refused failure cleartext");
  }
}

TEST_CASE("brown-out: a stable share of users is refused within an hour, another in the next") {
  const auto share = [](unsigned value) {
    return [value](conf::Settings& settings) {
      settings.listeners.front().logins.refuse_share = conf::Share{value};
    };
  };
  const auto refused_at = [&](unsigned value, net::Instant later) {
    std::vector<int> refused;
    for (int i = 0; i < 60; ++i) {
      SessionWorld world({.mode = TlsMode::optional, .adjust = share(value)});
      world.jump(later);
      if (log_in(world, "user" + std::to_string(i)) != "a OK in\r\n") refused.push_back(i);
    }
    return refused;
  };
  REQUIRE(refused_at(0, 0s).empty());
  REQUIRE(refused_at(conf::Share::kAll, 0s).size() == 60);
  const auto half = refused_at(conf::Share::kAll / 2, 0s);
  REQUIRE(half.size() > 10);
  REQUIRE(half.size() < 50);
  REQUIRE(refused_at(conf::Share::kAll / 2, 59min) == half);
  REQUIRE(refused_at(conf::Share::kAll / 2, 61min) != half);
}

TEST_CASE("a session without a login is an event of its own, before its end") {
  struct Row {
    Protocol protocol;
    std::string greeting;
    std::vector<std::pair<std::string, std::string>> talk;  // client, backend
    bool is_abandoned;
    std::string last;
  };
  const std::vector<Row> rows = {
      {Protocol::imap, kGreeting, {}, true, ""},
      {Protocol::imap, kGreeting, {{"a CAPABILITY\r\n", "a OK\r\n"}}, true, "CAPABILITY"},
      {Protocol::imap, kGreeting, {{"a LOGIN joe x\r\n", "a NO\r\n"}}, true, "LOGIN"},
      {Protocol::imap, kGreeting, {{"a LOGIN joe x\r\n", "a OK\r\n"}}, false, ""},
      {Protocol::pop3, "+OK old\r\n", {{"CAPA\r\n", "+OK\r\nUSER\r\n.\r\n"}}, true, "CAPA"},
      {Protocol::pop3,
       "+OK old\r\n",
       {{"USER joe\r\n", "+OK\r\n"}, {"PASS x\r\n", "+OK\r\n"}},
       false,
       ""},
      {Protocol::smtp, "220 old\r\n", {{"EHLO x\r\n", "250 old\r\n"}}, true, "EHLO"},
      {Protocol::smtp, "220 old\r\n", {{"MAIL FROM:<>\r\n", "250 ok\r\n"}}, false, ""},
      {Protocol::submission, "220 old\r\n", {{"MAIL FROM:<>\r\n", "250 ok\r\n"}}, true, "MAIL"},
      {Protocol::submission, "220 old\r\n", {{"AUTH PLAIN AGEAYg==\r\n", "235 in\r\n"}}, false, ""},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const auto& row = rows[i];
    SessionWorld world({.mode = TlsMode::none, .protocol = row.protocol});
    world.begin();
    world.greet(row.greeting);
    for (const auto& [client, backend] : row.talk) {
      world.say(client);
      world.backend().send(backend);
    }
    world.client().reset(-ECONNRESET);
    const auto abandoned = world.recorded<audit::SessionAbandonedEvent>();
    REQUIRE(abandoned.size() == (row.is_abandoned ? 1 : 0));
    REQUIRE(world.events().back() == "session-end client_reset");
    if (!row.is_abandoned) continue;
    REQUIRE(abandoned[0].last_command == row.last);
    REQUIRE(abandoned[0].reason == "client_reset");
    REQUIRE(world.events()[world.events().size() - 2] == "session-abandoned client_reset");
  }
}

TEST_CASE("the gate's last command tells what a client gave up over") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::pop3});
  world.begin();
  world.say("USER joe\r\n");
  world.client().end();
  REQUIRE(world.recorded<audit::SessionAbandonedEvent>().at(0).last_command == "USER");
}

TEST_CASE("a failed handshake, or TLS in the wrong place, is no abandoned session") {
  SECTION("handshake") {
    SessionWorld world({.mode = TlsMode::implicit});
    world.begin();
    TlsClient tls;
    tls.receive("");
    world.say(tls.take_output());
    world.client().end();
    REQUIRE(world.recorded<audit::SessionAbandonedEvent>().empty());
  }
  SECTION("on a clear port") {
    SessionWorld world({.mode = TlsMode::required});
    world.begin();
    TlsClient tls;
    tls.receive("");
    world.say(tls.take_output());
    REQUIRE(world.end_reason() == "tls_on_clear_port");
    REQUIRE(world.recorded<audit::SessionAbandonedEvent>().empty());
  }
  SECTION("clear text on a TLS port") {
    SessionWorld world({.mode = TlsMode::implicit});
    world.begin();
    world.say("a CAPABILITY\r\n");
    REQUIRE(world.recorded<audit::SessionAbandonedEvent>().empty());
  }
}

TEST_CASE("usernames hashed: no event of a login holds the name or its domain") {
  const auto hashed = GENERATE(true, false);
  const auto adjust = [&](conf::Settings& settings) {
    settings.audit.usernames = hashed ? conf::Usernames::hashed : conf::Usernames::plain;
  };
  SECTION("a login") {
    SessionWorld world({.mode = TlsMode::optional, .protocol = Protocol::smtp, .adjust = adjust});
    world.begin();
    world.greet("220 old\r\n");
    world.say("AUTH PLAIN b3RoZXIAam9lAHNlY3JldA==\r\n");  // other, joe, secret
    world.backend().send("235 in\r\n");
    const auto login = world.recorded<audit::LoginEvent>().at(0).login;
    REQUIRE(login.user == (hashed ? "" : "joe"));
    REQUIRE(login.effective == (hashed ? "" : "other"));
    REQUIRE(login.user_hash == (hashed ? SessionWorld::hash_text("joe") : ""));
  }
  SECTION("a refused one") {
    SessionWorld world({.mode = TlsMode::required, .adjust = adjust});
    world.begin();
    world.say("a LOGIN \"CORP\\\\joe\" secret\r\n");
    const auto login = world.recorded<audit::LoginRefusedEvent>().at(0).login;
    REQUIRE(login.user == (hashed ? "" : "CORP\\joe"));
    REQUIRE(login.user_hash == (hashed ? SessionWorld::hash_text("CORP\\joe") : ""));
  }
}
TEST_CASE("a user is warned at the first login of a day, and the event says so each time") {
  const auto remembered = std::make_shared<session::Remembered>();
  net::Instant later{0};
  const auto try_as = [&](const std::string& user) {
    SessionWorld world({.mode = TlsMode::optional,
                        .cleartext_login = CleartextLogin::warn,
                        .remembered = remembered});
    world.jump(later);
    const auto heard = log_in(world, user);
    REQUIRE_THAT(heard, Contains("a OK"));
    REQUIRE(world.recorded<audit::LoginEvent>().at(0).verdict == "warn");
    return heard.find("[ALERT]") != std::string::npos;
  };
  REQUIRE(try_as("joe"));
  REQUIRE_FALSE(try_as("joe"));
  REQUIRE_FALSE(try_as("JOE"));
  REQUIRE(try_as("ann"));
  later = 23h + 59min;
  REQUIRE_FALSE(try_as("joe"));
  later = 24h;
  REQUIRE(try_as("joe"));
  REQUIRE_FALSE(try_as("joe"));
}

TEST_CASE("a failed login uses no warning up") {
  const auto remembered = std::make_shared<session::Remembered>();
  for (int i = 0; i < 2; ++i) {
    SessionWorld world({.mode = TlsMode::optional,
                        .cleartext_login = CleartextLogin::warn,
                        .remembered = remembered});
    world.begin();
    world.greet(kGreeting);
    world.hear();
    world.say("a LOGIN joe wrong\r\n");
    world.backend().send("a NO no\r\n");
    REQUIRE(world.hear() == "a NO no\r\n");
    world.say("b LOGIN joe secret\r\n");
    world.backend().send("b OK in\r\n");
    REQUIRE((world.hear().find("[ALERT]") != std::string::npos) == (i == 0));
  }
}
