// `legacy_tls: splice`: a client to whom nothing is served goes on, untouched, to the backend's own TLS.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"
#include "test/support/certificates.h"
#include "test/tls/hello.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using Catch::Contains;
using conf::TlsMode;

namespace {

Hello old_hello() {
  Hello hello;
  hello.version = 0x0300;
  hello.ciphers = {0x0005, 0x0039};
  return hello;
}

WorldOptions splicing(std::size_t servers = 1) {
  WorldOptions options;
  options.mode = TlsMode::implicit;
  options.legacy_servers = servers;
  return options;
}

WorldOptions splicing_with_rule(const std::function<void(conf::Rule&)>& say) {
  auto options = splicing();
  options.adjust = [say](conf::Settings& settings) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "here";
    rule.from = {{net::Address::parse("192.0.2.0", 0)->octets(), 120}};
    say(rule);
  };
  return options;
}

// One step of a handshake each turn.
void say(SessionWorld& world, std::string_view bytes) {
  world.say(bytes);
  world.settle();
}

// Refused, and told so, with nothing dialled.
void check_refused(SessionWorld& world, std::string_view reason) {
  REQUIRE(world.dialer().dials() == 0);
  REQUIRE(world.hear().size() == 7);  // an alert
  REQUIRE(world.events() == std::vector<std::string>{"tls-handshake " + std::string(reason),
                                                     "session-end handshake_failed"});
}

}  // namespace

TEST_CASE("splice: however the hello is cut, the old server gets it octet by octet, and answers") {
  const auto hello = old_hello();
  for (const auto& bytes :
       {hello.record(), Hello::in_records(hello.message(), 20),
        Hello::in_records(hello.message(), 1), sslv2_hello(0x0300), sslv2_hello(0x0301)}) {
    for (std::size_t first = 1; first <= bytes.size(); ++first) {
      SessionWorld world(splicing());
      world.begin();
      say(world, bytes.substr(0, first));
      REQUIRE((world.dialer().dials() == 1) == (first == bytes.size()));
      if (first < bytes.size()) say(world, bytes.substr(first));
      REQUIRE(world.dialer().dials() == 1);
      REQUIRE(world.dialer().address().port() == 993);
      REQUIRE(world.hear().empty());
      world.greet("any bytes of a ServerHello");
      REQUIRE(world.backend().take() == bytes);
      REQUIRE(world.hear() == "any bytes of a ServerHello");
      say(world, "\x16\x03more of it");
      REQUIRE(world.backend().take() == "\x16\x03more of it");
    }
  }
}

TEST_CASE("splice: octet by octet") {
  for (const auto& bytes : {old_hello().record(), sslv2_hello(0x0300)}) {
    SessionWorld world(splicing());
    world.begin();
    for (const char octet : bytes) {
      REQUIRE(world.dialer().dials() == 0);
      say(world, std::string(1, octet));
    }
    world.connect();
    REQUIRE(world.backend().take() == bytes);
  }
}

TEST_CASE("splice: what stands behind the hello goes with it, and nothing of it is looked at") {
  SessionWorld world(splicing());
  world.begin();
  const auto bytes = old_hello().record() + "GET / HTTP/1.1\r\n\r\n" + std::string(3, '\0');
  say(world, bytes);
  REQUIRE_FALSE(world.client().is_being_read());
  world.connect();
  REQUIRE(world.backend().take() == bytes);
  REQUIRE(world.client().is_being_read());
}

TEST_CASE("splice: the events say so, with what was offered") {
  SessionWorld world(splicing());
  world.begin();
  say(world, old_hello().record());
  world.greet("answer");
  say(world, "1234");
  world.backend().end();
  world.client().end();
  REQUIRE(world.events() ==
          std::vector<std::string>{"tls-handshake spliced", "session-end backend_closed"});
  const auto told = world.recorded<audit::HandshakeEvent>().at(0);
  REQUIRE(told.hello.versions == std::vector<std::uint16_t>{0x0300});
  REQUIRE(told.hello.ciphers == std::vector<std::uint16_t>{0x0005, 0x0039});
  REQUIRE(told.ja4.size() == 36);
  REQUIRE(told.session.security == audit::Security::passthrough);
  REQUIRE_THAT(world.lines().at(0), Contains("\"event.outcome\":\"unknown\""));
  const auto end = world.recorded<audit::SessionEndEvent>().at(0);
  REQUIRE(end.session.security == audit::Security::passthrough);
  REQUIRE(end.session.server->address.port() == 993);
  REQUIRE(end.session.server->name == "old");
  REQUIRE(end.bytes_in == old_hello().record().size() + 4);
  REQUIRE(end.bytes_out == 6);
}

TEST_CASE("splice: today's clients are served as ever") {
  SessionWorld world(splicing());
  world.begin();
  world.shake_hands();
  world.greet("* OK old\r\n");
  REQUIRE(world.dialer().address().port() == 143);
  REQUIRE(world.hear_in_tls() == "* OK old\r\n");
  REQUIRE(world.events().empty());
}

TEST_CASE("splice: an RSA key's signature changes nothing of that") {
  auto options = splicing();
  const auto issued = issue(
      {.common_name = "mail.example.com", .dns_names = {"mail.example.com"}, .kind = KeyKind::rsa});
  options.key = {issued.certificate(), issued.key()};
  SECTION("served") {
    SessionWorld world(options);
    world.begin();
    world.shake_hands();
    REQUIRE(world.dialer().address().port() == 143);
  }
  SECTION("spliced, after a wait for its turn") {
    SessionWorld world(options);
    SessionWorld other(options);
    world.handshakes().step();
    world.begin();
    world.say(old_hello().record());
    REQUIRE(world.dialer().dials() == 0);
    world.settle();
    REQUIRE(world.dialer().dials() == 1);
    world.connect();
    REQUIRE(world.backend().take() == old_hello().record());
  }
}

TEST_CASE("splice: refuse is the default, and says what was offered") {
  SessionWorld world({.mode = TlsMode::implicit});
  world.begin();
  say(world, old_hello().record());
  check_refused(world, "no_shared_version");
  REQUIRE(world.recorded<audit::HandshakeEvent>().at(0).hello.versions ==
          std::vector<std::uint16_t>{0x0300});
}

TEST_CASE("splice: a rule that asks for more than the listener keeps its addresses out of it") {
  SECTION("a higher version") {
    SessionWorld world(
        splicing_with_rule([](conf::Rule& rule) { rule.min_version = conf::TlsVersion::tls1_3; }));
    world.begin();
    say(world, old_hello().record());
    check_refused(world, "no_shared_version");
  }
  SECTION("a certificate, be it for some users alone") {
    SessionWorld world(splicing_with_rule([](conf::Rule& rule) {
      rule.users = {"svc-*"};
      rule.needs_certificate = true;
    }));
    world.begin();
    say(world, old_hello().record());
    check_refused(world, "no_shared_version");
  }
  SECTION("a lower version, or other words, do not") {
    SessionWorld world(splicing_with_rule([](conf::Rule& rule) {
      rule.min_version = conf::TlsVersion::tls1_0;
      rule.logins.cleartext_login = conf::CleartextLogin::refuse;
    }));
    world.begin();
    say(world, old_hello().record());
    REQUIRE(world.dialer().dials() == 1);
  }
}

TEST_CASE("splice: with `on_failure: refuse` nobody is handed on unrecorded") {
  const auto refusing = [](conf::Settings& settings) {
    settings.audit.on_failure = conf::OnFailure::refuse;
  };
  auto options = splicing();
  options.adjust = refusing;
  SECTION("the audit fails from the start on, and the client gets the alert") {
    SessionWorld world(options);
    world.break_audit(true);
    world.begin();
    say(world, old_hello().record());
    check_refused(world, "no_shared_version");
  }
  SECTION("it begins to fail within the hello") {
    for (const auto& bytes : {old_hello().record(), sslv2_hello(0x0301)}) {
      for (const std::size_t size : {std::size_t{1}, std::size_t{6}, bytes.size() - 1}) {
        SessionWorld world(options);
        world.begin();
        say(world, bytes.substr(0, size));
        world.break_audit(true);
        say(world, bytes.substr(size));
        REQUIRE(world.dialer().dials() == 0);
        REQUIRE(world.end_reason() == "handshake_failed");
      }
    }
  }
  SECTION("it works again before the hello comes") {
    SessionWorld world(options);
    world.break_audit(true);
    world.begin();
    world.break_audit(false);
    say(world, old_hello().record());
    REQUIRE(world.dialer().dials() == 1);
  }
  SECTION("today's clients are served meanwhile") {
    SessionWorld world(options);
    world.break_audit(true);
    world.begin();
    world.shake_hands();
    world.greet("* OK old\r\n");
    REQUIRE(world.hear_in_tls() == "* OK old\r\n");
  }
  SECTION("with `continue`, the default, it is") {
    SessionWorld world(splicing());
    world.break_audit(true);
    world.begin();
    say(world, old_hello().record());
    REQUIRE(world.dialer().dials() == 1);
  }
}

TEST_CASE("splice: who asks for SSLv2 alone, or for no TLS at all, goes nowhere") {
  SessionWorld world(splicing());
  world.begin();
  SECTION("SSLv2") {
    const auto hello = sslv2_hello(0x0002);
    say(world, hello.substr(0, 7));
    say(world, hello.substr(7));
    REQUIRE(world.end_reason() == "handshake_failed");
    REQUIRE(world.events().front() == "tls-handshake not_tls");
  }
  SECTION("a high octet, then something else") {
    say(world, "\x80");
    say(world, "nothing of the kind");
    REQUIRE(world.end_reason() == "clear_on_tls_port");
  }
  SECTION("clear text") {
    say(world, "a NOOP\r\n");
    REQUIRE(world.end_reason() == "clear_on_tls_port");
  }
  SECTION("a record that is no ClientHello") {
    say(world, std::string("\x16\x03\x01\0\x05hello", 10));
    REQUIRE(world.end_reason() == "handshake_failed");
  }
  REQUIRE(world.dialer().dials() == 0);
}

TEST_CASE("splice: no more is kept of a hello than one may have") {
  SECTION("a ClientHello in records of one octet: six for each, so that it is too long") {
    SessionWorld world(splicing());
    world.begin();
    auto hello = old_hello();
    hello.extension(0x1234, std::string(6000, 'x'));
    const auto bytes = Hello::in_records(hello.message(), 1);
    for (std::size_t at = 0; at < bytes.size(); at += 1000) say(world, bytes.substr(at, 1000));
    check_refused(world, "no_shared_version");
  }
  SECTION("the longest that BoringSSL takes, in few records") {
    SessionWorld world(splicing());
    world.begin();
    auto hello = old_hello();
    hello.extension(0x1234, std::string(16000, 'x'));
    say(world, hello.record());
    world.connect();
    REQUIRE(world.backend().take() == hello.record());
  }
  SECTION("one in SSLv2's format that is 32 KiB long, at once or by and by") {
    const auto hello = std::string("\xff\xff\x01\x03\x00", 5) + two_octets(0x7fff - 9 - 16) +
                       two_octets(0) + two_octets(16) + std::string(0x7fff - 9, 'x');
    const std::size_t piece = GENERATE(SIZE_MAX, 10'000U);
    SessionWorld world(splicing());
    world.begin();
    for (std::size_t at = 0; at < hello.size() && !world.client().is_shut();
         at += std::min(piece, hello.size())) {
      say(world, hello.substr(at, piece));
    }
    REQUIRE(world.end_reason() == "handshake_failed");
    REQUIRE(world.dialer().dials() == 0);
  }
}

TEST_CASE("splice: whoever does not finish its hello has the handshake's time") {
  for (const auto& bytes : {old_hello().record(), sslv2_hello(0x0300)}) {
    for (const std::size_t size : {std::size_t{1}, bytes.size() - 1}) {
      SessionWorld world(splicing());
      world.begin();
      say(world, bytes.substr(0, size));
      world.pass(10s);
      REQUIRE(world.end_reason() == "handshake_timeout");
      REQUIRE(world.hear().empty());
      REQUIRE(world.dialer().dials() == 0);
    }
  }
}

TEST_CASE("splice: the servers in their order, each within its time, all with the same hello") {
  SessionWorld world(splicing(3));
  world.begin();
  say(world, old_hello().record());
  world.dialer().fail(GENERATE(-ECONNREFUSED, -ECONNRESET));  // the latter: it hung up
  REQUIRE(world.dialer().address().ip() == "127.0.2.2");
  world.pass(5s);
  REQUIRE(world.dialer().address().ip() == "127.0.2.3");
  SECTION("the last one answers") {
    world.connect();
    REQUIRE(world.backend().take() == old_hello().record());
  }
  SECTION("none does") {
    world.dialer().fail(-ECONNREFUSED);
    REQUIRE(world.end_reason() == "backend_unreachable");
    REQUIRE(world.hear().empty());
    world.client().end();
    REQUIRE(world.is_over());
    REQUIRE_FALSE(world.has_timer());
  }
  SECTION("postern ends meanwhile") {
    world.shut_down();
    REQUIRE(world.end_reason() == "shutdown");
  }
}

TEST_CASE(
    "splice: a server that stands but says nothing has its time, then the next one is asked") {
  SessionWorld world(splicing(2));
  world.dialer().connect_silently();
  world.begin();
  say(world, old_hello().record());
  REQUIRE(world.dialer().dials() == 1);
  world.pass(5s);
  REQUIRE(world.dialer().dials() == 2);
  REQUIRE(world.end_reason().empty());
  world.pass(5s);
  REQUIRE(world.dialer().dials() == 2);
  REQUIRE(world.end_reason() == "backend_unreachable");
}

TEST_CASE("splice: each side may end first, and then the other has its time") {
  SessionWorld world(splicing());
  world.begin();
  say(world, old_hello().record());
  world.greet("answer");
  REQUIRE(world.hear() == "answer");
  const auto backend = world.shared_backend();
  SECTION("the client") {
    world.client().end();
    REQUIRE(backend->is_shut());
    backend->send("more");
    REQUIRE(world.hear() == "more");
    backend->end();
    REQUIRE(world.end_reason() == "client_closed");
  }
  SECTION("the server") {
    backend->end();
    REQUIRE(world.client().is_shut());
    say(world, "more");
    REQUIRE(backend->received() == old_hello().record() + "more");
    world.client().end();
    REQUIRE(world.end_reason() == "backend_closed");
  }
  SECTION("the client, and the server never") {
    world.client().end();
    world.pass(60s);
    REQUIRE(world.end_reason() == "drain_timeout");
  }
  SECTION("the server breaks") {
    backend->reset(-ECONNRESET);
    REQUIRE(world.end_reason() == "backend_reset");
  }
  SECTION("nothing moves") {
    world.pass(35min);
    REQUIRE(world.end_reason() == "idle_timeout");
    REQUIRE(world.hear().empty());  // no word in clear into somebody else's TLS
  }
  SECTION("postern ends") {
    world.shut_down();
    REQUIRE(world.end_reason() == "shutdown");
    REQUIRE(world.hear().empty());
  }
}

TEST_CASE("splice: a slow reader on either side holds the other up") {
  SessionWorld world(splicing());
  world.begin();
  say(world, old_hello().record());
  world.greet("answer");
  world.client().clog();
  const std::string much(64 * 1024, 'x');
  for (int i = 0; i < 3; ++i) world.backend().send(much);
  REQUIRE_FALSE(world.backend().is_being_read());
  world.client().unclog();
  REQUIRE(world.backend().is_being_read());
  REQUIRE(world.hear().size() == 3 * much.size() + 6);
}
