// A session from accept to end: the promises, stage by stage.
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

// An IMAP session under implicit TLS that has logged in.
void log_in(SessionWorld& world) {
  world.begin();
  world.shake_hands();
  world.greet(kGreeting);
  world.hear_in_tls();
  world.say_in_tls("a LOGIN joe secret\r\n");
  REQUIRE(world.backend().take() == "a LOGIN joe secret\r\n");
  world.backend().send("a OK logged in\r\n");
  REQUIRE(world.hear_in_tls() == "a OK logged in\r\n");
  REQUIRE(world.events() == std::vector<std::string>{"login success"});
}

}  // namespace

TEST_CASE("required: no backend is dialled before the handshake is complete") {
  SessionWorld world({.mode = TlsMode::required});
  world.begin();
  REQUIRE_THAT(world.hear(), StartsWith("* OK [CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS]"));
  world.say("a LOGIN joe secret\r\n");
  REQUIRE_THAT(world.hear(), Contains("a NO [PRIVACYREQUIRED]"));
  world.say("b STARTTLS\r\n");
  REQUIRE_THAT(world.hear(), StartsWith("b OK"));
  REQUIRE(world.dialer().dials() == 0);
  world.shake_hands();
  REQUIRE(world.dialer().dials() == 1);
  // The greeting is swallowed, and the client's command waits for it.
  world.say_in_tls("c CAPABILITY\r\n");
  world.connect();
  REQUIRE(world.backend().received().empty());
  world.backend().send(kGreeting);
  REQUIRE(world.backend().take() == "c CAPABILITY\r\n");
  world.backend().send("* CAPABILITY IMAP4rev1 STARTTLS\r\nc OK done\r\n");
  REQUIRE(world.hear_in_tls() == "* CAPABILITY IMAP4rev1\r\nc OK done\r\n");
  REQUIRE(world.events() == std::vector<std::string>{"login-refused failure cleartext"});
}

TEST_CASE("a ClientHello in the same segment as STARTTLS works") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::smtp});
  world.begin();
  world.hear();
  TlsClient tls;
  tls.receive("");
  world.say("STARTTLS\r\n" + tls.take_output());
  const auto answer = world.hear();
  const auto line_end = answer.find("\r\n") + 2;
  REQUIRE_THAT(answer.substr(0, line_end), StartsWith("220 2.0.0"));
  tls.receive(answer.substr(line_end));
  REQUIRE(tls.connected());
}

TEST_CASE("clear text behind STARTTLS is never a command: the handshake fails and it is named") {
  for (const bool is_glued : {true, false}) {
    SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::smtp});
    world.begin();
    world.hear();
    if (is_glued) {
      world.say("STARTTLS\r\nEHLO evil\r\n");
    } else {
      world.say("STARTTLS\r\n");
      world.say("EHLO evil\r\n");
    }
    REQUIRE(world.dialer().dials() == 0);
    REQUIRE(world.end_reason() == "starttls_injection");
    REQUIRE_THAT(world.events().front(), StartsWith("starttls-injection"));
    REQUIRE(world.client().is_shut());
  }
}

TEST_CASE("optional: an upgrade closes the backend session and dials a new one") {
  SessionWorld world({.mode = TlsMode::optional});
  world.begin();
  world.greet(kGreeting);
  REQUIRE_THAT(world.hear(), Contains("STARTTLS"));
  world.say("a STARTTLS\r\n");
  REQUIRE_THAT(world.hear(), StartsWith("a OK"));
  REQUIRE(world.backend().is_closed());
  REQUIRE(world.backend().received().empty());
  world.shake_hands();
  REQUIRE(world.dialer().dials() == 2);
  world.greet(kGreeting);
  REQUIRE(world.hear_in_tls().empty());
}

TEST_CASE("optional: the handshake begins only when the go-ahead has left") {
  SessionWorld world({.mode = TlsMode::optional});
  world.begin();
  world.greet(kGreeting);
  world.hear();
  world.client().clog();
  world.say("a STARTTLS\r\n");
  REQUIRE_FALSE(world.client().is_being_read());
  world.client().unclog();
  REQUIRE(world.client().is_being_read());
  world.hear();
  world.shake_hands();
}

TEST_CASE("none: STARTTLS is not offered, and a clear login is recorded as exposed") {
  SessionWorld world({.mode = TlsMode::none});
  world.begin();
  world.greet(kGreeting);
  REQUIRE(world.hear() == "* OK [CAPABILITY IMAP4rev1] old server ready\r\n");
  world.say("a LOGIN joe secret\r\n");
  world.backend().send("a NO no\r\n");
  REQUIRE(world.hear() == "a NO no\r\n");
  REQUIRE(world.events() == std::vector<std::string>{"login failure"});
  const auto& login = std::get<audit::LoginEvent>(world.last_event().body);
  REQUIRE(login.login.secret_exposed);
  REQUIRE(login.login.user.empty());  // of a failed login only the hash
  REQUIRE(login.login.user_hash == SessionWorld::hash_text("joe"));
}

TEST_CASE("after login bytes pass unread, both ways") {
  SessionWorld world({.mode = TlsMode::implicit});
  log_in(world);
  const std::string anything("b STARTTLS\r\n\0\xff bare\n", 20);
  world.say_in_tls(anything);
  REQUIRE(world.backend().take() == anything);
  world.backend().send("* CAPABILITY STARTTLS\r\n");
  REQUIRE(world.hear_in_tls() == "* CAPABILITY STARTTLS\r\n");
}

TEST_CASE("the client's half-close crosses, and the rest of the backend's answer arrives") {
  SessionWorld world({.mode = TlsMode::implicit});
  log_in(world);
  world.say_in_tls("b LOGOUT\r\n");
  world.tls().close();
  world.client().send(world.tls().take_output());
  REQUIRE(world.backend().received() == "b LOGOUT\r\n");
  REQUIRE(world.backend().is_shut());
  world.backend().send("* BYE\r\nb OK\r\n");
  REQUIRE(world.hear_in_tls() == "* BYE\r\nb OK\r\n");
  world.backend().end();
  REQUIRE(world.end_reason() == "client_closed");
  REQUIRE(world.is_over());
  REQUIRE_FALSE(world.has_timer());
}

TEST_CASE("a backend that said BYE may close; the client gets close_notify") {
  SessionWorld world({.mode = TlsMode::implicit});
  log_in(world);
  world.say_in_tls("b LOGOUT\r\n");
  world.backend().send("* BYE see you\r\nb OK done\r\n");
  world.backend().end();
  world.hear_in_tls();
  REQUIRE(world.tls().ended());
  world.client().end();
  REQUIRE(world.end_reason() == "backend_closed");
  REQUIRE(world.is_over());
}

TEST_CASE("who took leave gets answer and end in one piece, where the backend's end is there") {
  for (const bool has_logged_in : {false, true}) {
    for (const bool takes_leave : {false, true}) {
      SessionWorld world({.mode = TlsMode::implicit});
      if (has_logged_in) {
        log_in(world);
      } else {
        world.begin();
        world.shake_hands();
        world.greet(kGreeting);
        world.hear_in_tls();
      }
      world.say_in_tls(takes_leave ? "b logout\r\n" : "b LOGOUT \r\n");
      const auto writes = world.client().writes();
      world.backend().end_with("* BYE see you\r\nb OK done\r\n");
      CHECK(world.client().writes() == writes + (takes_leave ? 1 : 2));
      REQUIRE(world.client().is_shut());
      REQUIRE(world.hear_in_tls() == "* BYE see you\r\nb OK done\r\n");
      REQUIRE(world.tls().ended());
      world.client().end();
      REQUIRE(world.end_reason() == (has_logged_in ? "backend_closed" : "client_quit"));
      REQUIRE(world.is_over());
    }
  }
}

TEST_CASE("a backend that dies between lines: BYE; within a literal: cut without close_notify") {
  for (const bool is_within : {false, true}) {
    SessionWorld world({.mode = TlsMode::implicit});
    log_in(world);
    world.backend().send(is_within ? "* 1 FETCH (BODY[] {100}\r\nhalf" : "* 1 EXISTS\r\n");
    world.backend().end();
    const auto heard = world.hear_in_tls();
    REQUIRE(world.end_reason() == "backend_closed");
    REQUIRE(world.client().is_shut());
    if (is_within) {
      REQUIRE_THAT(heard, !Contains("BYE"));
      REQUIRE_FALSE(world.tls().ended());
    } else {
      REQUIRE_THAT(heard, Contains("\r\n* BYE"));
      REQUIRE(world.tls().ended());
    }
  }
}

TEST_CASE("back-pressure: neither side is read while the other does not take its bytes") {
  SessionWorld world({.mode = TlsMode::implicit});
  log_in(world);
  const std::string much(64 * 1024, 'x');
  world.client().clog();
  int reads = 0;
  while (world.backend().is_being_read() && reads < 100) {
    world.backend().send(much);
    ++reads;
  }
  REQUIRE(reads < 5);
  REQUIRE(world.client().queued() < 5 * 70'000);
  REQUIRE(world.client().is_being_read());  // the other direction goes on
  world.client().unclog();
  REQUIRE(world.backend().is_being_read());
  REQUIRE(world.hear_in_tls().size() == static_cast<std::size_t>(reads) * much.size());

  world.backend().clog();
  for (reads = 0; world.client().is_being_read() && reads < 100; ++reads) world.say_in_tls(much);
  REQUIRE(reads < 5);
  REQUIRE(world.backend().is_being_read());
  world.backend().unclog();
  REQUIRE(world.client().is_being_read());
}

TEST_CASE("TLS on a clear port is recognised, named, and answered in the protocol's words") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::smtp});
  world.begin();
  world.hear();
  TlsClient tls;
  tls.receive("");
  world.say(tls.take_output());
  REQUIRE_THAT(world.hear(), StartsWith("421 "));
  REQUIRE(world.end_reason() == "tls_on_clear_port");
  REQUIRE_THAT(world.events().front(), StartsWith("tls-on-clear-port"));
}

TEST_CASE("a printer that sends a ClientHello after an EHLO without STARTTLS is named too") {
  SessionWorld world({.mode = TlsMode::none, .protocol = Protocol::smtp});
  world.begin();
  world.greet("220 old\r\n");
  world.say("EHLO printer\r\n");
  world.backend().take();
  world.backend().send("250 old\r\n");
  world.hear();
  TlsClient tls;
  tls.receive("");
  world.say(tls.take_output());
  REQUIRE_THAT(world.hear(), StartsWith("421 "));
  REQUIRE(world.end_reason() == "tls_on_clear_port");
  REQUIRE(world.backend().received().empty());
}

TEST_CASE("clear text on a TLS port is recognised, named, and answered in the protocol's words") {
  SessionWorld world({.mode = TlsMode::implicit, .protocol = Protocol::pop3});
  world.begin();
  world.say("CAPA\r\n");
  REQUIRE_THAT(world.hear(), StartsWith("-ERR "));
  REQUIRE(world.end_reason() == "clear_on_tls_port");
  REQUIRE_THAT(world.events().front(), StartsWith("clear-on-tls-port"));
}

TEST_CASE("no backend: the client gets its protocol's words, never silence") {
  struct Row {
    Protocol protocol;
    const char* words;
  };
  for (const auto& row : {Row{Protocol::smtp, "421 4.3.2"}, Row{Protocol::imap, "* BYE"},
                          Row{Protocol::pop3, "-ERR [SYS/TEMP]"}}) {
    SessionWorld world({.mode = TlsMode::optional, .protocol = row.protocol});
    world.begin();
    world.dialer().fail(-ECONNREFUSED);
    REQUIRE_THAT(world.hear(), StartsWith(row.words));
    REQUIRE(world.end_reason() == "backend_unreachable");
  }
}

TEST_CASE("a lack of descriptors that lasts is told to the client, and is no backend's fault") {
  SessionWorld world({.mode = TlsMode::optional, .protocol = Protocol::smtp});
  world.begin();
  for (int i = 0; i < 10 && world.end_reason().empty(); ++i) {
    REQUIRE(world.hear().empty());
    world.dialer().fail(-EMFILE);
    world.pass(1s);
  }
  REQUIRE_THAT(world.hear(), StartsWith("421 4.3.2 Out of system resources"));
  REQUIRE(world.end_reason() == "out_of_resources");
}

TEST_CASE("no backend after STARTTLS: the words answer the next command") {
  SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::smtp});
  world.begin();
  world.say("STARTTLS\r\n");
  world.hear();
  world.shake_hands();
  world.dialer().fail(-ECONNREFUSED);
  REQUIRE(world.hear_in_tls().empty());
  REQUIRE(world.client().is_being_read());
  world.say_in_tls("EHLO x\r\n");
  REQUIRE_THAT(world.hear_in_tls(), StartsWith("421 4.3.2"));
  REQUIRE(world.end_reason() == "backend_unreachable");
}

TEST_CASE("the second server is asked when the first refuses, dies or stalls before it greets") {
  for (int way = 0; way < 3; ++way) {
    SessionWorld world({.mode = TlsMode::optional, .protocol = Protocol::smtp, .servers = 2});
    world.begin();
    world.connect();
    auto& first = world.backend();
    if (way == 0) first.send("421 too busy\r\n");
    if (way == 1) first.end();
    if (way == 2) world.pass(61s);
    REQUIRE(world.dialer().dials() == 2);
    REQUIRE(world.hear().empty());
    world.greet("220 second\r\n");
    REQUIRE(world.hear() == "220 second\r\n");
  }
}

TEST_CASE("every wait has its bound") {
  SECTION("the gate") {
    SessionWorld world({.mode = TlsMode::required});
    world.begin();
    world.hear();
    world.pass(59s);
    REQUIRE(world.end_reason().empty());
    world.pass(2s);
    REQUIRE_THAT(world.hear(), StartsWith("* BYE"));
    REQUIRE(world.end_reason() == "login_timeout");
  }
  SECTION("the handshake; a client that waits for a greeting is told in clear") {
    SessionWorld world({.mode = TlsMode::implicit, .protocol = Protocol::smtp});
    world.begin();
    world.pass(11s);
    REQUIRE_THAT(world.hear(), StartsWith("421 "));
    REQUIRE(world.end_reason() == "handshake_timeout");
  }
  SECTION("the dial") {
    SessionWorld world({.mode = TlsMode::none});
    world.begin();
    world.pass(6s);
    REQUIRE_THAT(world.hear(), StartsWith("* BYE"));
    REQUIRE(world.end_reason() == "backend_unreachable");
  }
  SECTION("the greeting") {
    SessionWorld world({.mode = TlsMode::none});
    world.begin();
    world.connect();
    world.pass(61s);
    REQUIRE_THAT(world.hear(), StartsWith("* BYE"));
    REQUIRE(world.end_reason() == "backend_timeout");
  }
  SECTION("the login, however busy the client is") {
    SessionWorld world({.mode = TlsMode::none});
    world.begin();
    world.greet(kGreeting);
    for (int second = 0; second < 61 && world.end_reason().empty(); ++second) {
      world.say("a NOOP\r\n");
      world.backend().send("a OK\r\n");
      world.pass(1s);
    }
    REQUIRE_THAT(world.hear(), Contains("* BYE"));
    REQUIRE(world.end_reason() == "login_timeout");
  }
  SECTION("idleness after login, which any byte puts off") {
    SessionWorld world({.mode = TlsMode::implicit});
    log_in(world);
    world.pass(34min);
    world.say_in_tls("b NOOP\r\n");
    world.pass(34min);
    REQUIRE(world.end_reason().empty());
    world.pass(2min);
    REQUIRE_THAT(world.hear_in_tls(), StartsWith("* BYE"));
    REQUIRE(world.end_reason() == "idle_timeout");
  }
  SECTION("one side has ended") {
    SessionWorld world({.mode = TlsMode::implicit});
    log_in(world);
    world.client().end();
    REQUIRE(world.backend().is_shut());
    world.pass(61s);
    REQUIRE(world.end_reason() == "drain_timeout");
  }
  SECTION("the last words: a client that does not close is closed") {
    SessionWorld world({.mode = TlsMode::required});
    world.begin();
    world.shut_down();
    REQUIRE_FALSE(world.is_over());
    world.say("NOOP\r\n");
    world.pass(3s);
    REQUIRE(world.is_over());
  }
}

TEST_CASE("a shutdown ends each session once, politely where its protocol has words") {
  SECTION("at the gate") {
    SessionWorld world({.mode = TlsMode::required, .protocol = Protocol::submission});
    world.begin();
    world.hear();
    world.shut_down();
    REQUIRE_THAT(world.hear(), StartsWith("421 "));
  }
  SECTION("while dialling, in passthrough, and twice") {
    SessionWorld world({.mode = TlsMode::implicit});
    log_in(world);
    world.shut_down();
    world.shut_down();
    REQUIRE_THAT(world.hear_in_tls(), StartsWith("* BYE"));
    REQUIRE(world.tls().ended());
    REQUIRE(world.end_reason() == "shutdown");
  }
}

TEST_CASE("a client that resets ends at once, and the backend is let go") {
  SessionWorld world({.mode = TlsMode::implicit});
  log_in(world);
  world.client().reset(-ECONNRESET);
  REQUIRE(world.is_over());
  REQUIRE(world.backend().is_closed());
  REQUIRE(world.end_reason() == "client_reset");
  REQUIRE_FALSE(world.has_timer());
}

TEST_CASE("a client that goes while the backend is dialled leaves nothing behind") {
  SessionWorld world({.mode = TlsMode::none});
  world.begin();
  world.client().end();
  REQUIRE(world.is_over());
  REQUIRE_FALSE(world.dialer().is_dialling());
  REQUIRE(world.end_reason() == "client_closed");
  REQUIRE_FALSE(world.has_timer());
}

TEST_CASE("a password read in clear is wiped from the memory that all sessions read into") {
  SessionWorld world({.mode = TlsMode::none});
  world.begin();
  world.greet(kGreeting);
  world.say("a LOGIN joe secret\r\n");
  REQUIRE(world.backend().received() == "a LOGIN joe secret\r\n");
  REQUIRE_THAT(world.client().left_of_read(), !Contains("secret"));
}

TEST_CASE("a password that comes when the session is over is wiped as well") {
  SessionWorld world({.mode = TlsMode::none});
  world.begin();
  world.greet("what is this?\r\n");
  REQUIRE(world.client().is_being_read());
  world.client().send("a LOGIN joe secret\r\n");
  REQUIRE_THAT(world.client().left_of_read(), !Contains("secret"));
}

TEST_CASE("a password that comes in clear where TLS is due is wiped as well") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  world.client().send("a LOGIN joe secret\r\n");
  REQUIRE(world.end_reason() == "clear_on_tls_port");
  REQUIRE_THAT(world.client().left_of_read(), !Contains("secret"));
}
