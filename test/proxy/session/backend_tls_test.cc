// Sessions whose backend has TLS: they go on as others do, and what fails there has a name.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "test/proxy/session/session_world.h"
#include "test/support/tls_peer.h"

using namespace postern;
using namespace postern::test;
using backend::Security;

namespace {

const Issued& server_leaf() {
  static const auto leaf = issue({.common_name = "old", .dns_names = {"old.internal"}});
  return leaf;
}

std::shared_ptr<const tls::ServerContext> server() {
  static const auto context = context_with(server_leaf());
  return context;
}

std::shared_ptr<const Security> security_of(Security::Upgrade upgrade,
                                            const std::string& name = "old.internal",
                                            std::size_t servers = 1,
                                            std::shared_ptr<const tls::Credentials> own = nullptr) {
  const auto context =
      *tls::ClientContext::make({.name = name,
                                 .trust = *tls::Trust::parse(server_leaf().certificate(), "ca.pem"),
                                 .credentials = std::move(own)});
  return std::make_shared<Security>(upgrade, Security::Contexts{context},
                                    std::vector<std::size_t>(servers, 0));
}

WorldOptions options_of(std::shared_ptr<const Security> security,
                        protocols::Protocol protocol = protocols::Protocol::imap,
                        std::size_t servers = 1) {
  WorldOptions options;
  options.mode = conf::TlsMode::none;
  options.protocol = protocol;
  options.security = std::move(security);
  options.servers = servers;
  return options;
}

}  // namespace

TEST_CASE("a clear listener inside, a backend with verified TLS outside") {
  const auto upgrade = GENERATE(Security::Upgrade::implicit, Security::Upgrade::starttls);
  SessionWorld world(options_of(security_of(upgrade)));
  world.begin();
  world.connect();
  auto& backend = world.backend();
  TlsPeer outside(server());
  if (upgrade == Security::Upgrade::starttls) {
    backend.send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n");
    REQUIRE(backend.take() == "p1 STARTTLS\r\n");
    backend.send("p1 OK go\r\n");
    outside.pump(backend);
  } else {
    outside.pump(backend);
    outside.say(backend, "* OK ready\r\n");
  }
  CHECK(world.hear() == "* OK ready\r\n");
  world.say("a LOGIN joe secret\r\n");
  CHECK(outside.hear(backend) == "a LOGIN joe secret\r\n");
  outside.say(backend, "a OK in\r\n");
  CHECK(world.hear() == "a OK in\r\n");
  world.say("b FETCH 1 BODY[]\r\n");
  CHECK(outside.hear(backend) == "b FETCH 1 BODY[]\r\n");
  const std::string mail(300'000, 'x');
  outside.say(backend, mail);
  CHECK(world.hear() == mail);
  outside.say(backend, "* BYE\r\nc OK\r\n");
  outside.close(backend);
  CHECK(world.end_reason() == "backend_closed");
  const auto ends = world.recorded<audit::SessionEndEvent>();
  REQUIRE(ends.size() == 1);
  REQUIRE(ends[0].session.server_tls);
  CHECK(ends[0].session.server_tls->version == "1.3");
  CHECK(ends[0].session.server_tls->cipher.starts_with("TLS_"));
  CHECK_FALSE(ends[0].session.server_tls->resumed);
  CHECK(world.lines().back().find(R"("postern.backend.tls.version":"1.3")") != std::string::npos);
}

TEST_CASE(
    "a backend that is not the one expected is as one that is not there, with its own reason") {
  struct Case {
    protocols::Protocol protocol;
    std::string words;
  };
  const std::vector<Case> cases = {{protocols::Protocol::imap, "* BYE "},
                                   {protocols::Protocol::pop3, "-ERR "},
                                   {protocols::Protocol::submission, "421 "}};
  for (const auto& [protocol, words] : cases) {
    SessionWorld world(
        options_of(security_of(Security::Upgrade::implicit, "mail.example.com"), protocol));
    world.begin();
    world.connect();
    TlsPeer outside(server());
    outside.pump(world.backend());
    CHECK(world.backend().is_closed());
    CHECK(world.hear().starts_with(words));
    CHECK(world.end_reason() == "backend_tls_failed");
    const auto notices = world.recorded<audit::SessionNotice>();
    REQUIRE(notices.size() == 1);
    CHECK(notices[0].action == "backend-tls-failed");
    CHECK(notices[0].message == "the certificate is for old.internal, not for mail.example.com");
    CHECK(notices[0].session.server->name == "old");
  }
}

TEST_CASE("nobody logs in as postern, by EXTERNAL with its certificate") {
  using protocols::Protocol;
  const Issued own = issue({.common_name = "postern"});
  const std::shared_ptr<const tls::Credentials> credentials =
      *tls::Credentials::parse(own.certificate(), own.key(), "chain", "key");
  struct Case {
    Protocol protocol;
    std::string greeting;
    std::vector<std::string> tries;
    std::string refusal;
    std::string plain;
  };
  const std::vector<Case> cases = {
      {Protocol::imap,
       "* OK ready\r\n",
       {"a AUTHENTICATE EXTERNAL =\r\n", "a AUTHENTICATE EXTERNAL\r\n",
        "a authenticate External am9l\r\n"},
       "a NO [AUTHORIZATIONFAILED] This login is not allowed here\r\n",
       "a AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\n"},
      {Protocol::submission,
       "220 ready\r\n",
       {"AUTH EXTERNAL =\r\n", "AUTH EXTERNAL\r\n", "auth external am9l\r\n",
        "AUTH EXTERNAL\vam9l\r\n", "AUTH \"EXTERNAL\" =\r\n"},
       "535 5.7.8 Authentication refused\r\n",
       "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"},
      {Protocol::pop3,
       "+OK ready\r\n",
       {"AUTH EXTERNAL =\r\n", "AUTH EXTERNAL\r\n", "auth eXternal am9l\r\n"},
       "-ERR [AUTH] This login is not permitted here\r\n",
       "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"}};
  for (const auto& [protocol, greeting, tries, refusal, plain] : cases) {
    for (const auto& tried : tries) {
      for (const bool has_own : {true, false}) {
        INFO(tried << has_own);
        const auto upgrade = Security::Upgrade::implicit;
        SessionWorld world(options_of(
            security_of(upgrade, "old.internal", 1, has_own ? credentials : nullptr), protocol));
        world.begin();
        world.connect();
        auto& backend = world.backend();
        TlsPeer outside(server());
        outside.pump(backend);
        outside.say(backend, greeting);
        CHECK(world.hear() == greeting);
        world.say(tried);
        if (!has_own) {
          // Whom the backend takes it for is its own affair.
          CHECK(outside.hear(backend) == tried);
          continue;
        }
        CHECK(world.hear() == refusal);
        CHECK(outside.hear(backend).empty());
        const auto refused = world.recorded<audit::LoginRefusedEvent>();
        REQUIRE(refused.size() == 1);
        CHECK(refused[0].reason == "external_borrows_certificate");
        CHECK(refused[0].rule == policy::kNoRule);
        world.say(plain);
        CHECK(outside.hear(backend) == plain);
      }
    }
  }
}

TEST_CASE("the next server of a backend is asked where the first one's TLS fails") {
  SessionWorld world(options_of(security_of(Security::Upgrade::implicit, "old.internal", 2),
                                protocols::Protocol::imap, 2));
  world.begin();
  world.connect();
  world.backend().send("* OK in clear\r\n");
  CHECK(world.hear().empty());
  world.connect();
  TlsPeer outside(server());
  outside.pump(world.backend());
  outside.say(world.backend(), "* OK ready\r\n");
  CHECK(world.hear() == "* OK ready\r\n");
  CHECK(world.events() == std::vector<std::string>{"backend-tls-failed backend_tls_failed"});
}

TEST_CASE("a backend that refuses in clear, where its upgrade is asked for, has refused") {
  struct Case {
    protocols::Protocol protocol;
    std::string greeting;
    std::string words;
  };
  const std::vector<Case> cases = {
      {protocols::Protocol::imap, "* BYE busy\r\n", "* BYE "},
      {protocols::Protocol::pop3, "-ERR busy\r\n", "-ERR "},
      {protocols::Protocol::submission, "421 4.3.2 too busy\r\n", "421 "}};
  for (const auto& [protocol, greeting, words] : cases) {
    SessionWorld world(options_of(security_of(Security::Upgrade::starttls), protocol));
    world.begin();
    world.connect();
    world.backend().send(greeting);
    CHECK(world.backend().is_closed());
    CHECK(world.hear().starts_with(words));
    CHECK(world.end_reason() == "backend_refused");
    CHECK(world.recorded<audit::SessionNotice>().empty());
    CHECK(world.recorded<audit::SessionEndEvent>()[0].session.server->name == "old");
  }
}

TEST_CASE("a backend that refuses postern's certificate, or misses one, is explained") {
  using protocols::Protocol;
  static const auto authority =
      *tls::ClientAuthority::parse(server_leaf().certificate(), "people.pem", {}, {});
  tls::ServerOptions demanding;
  demanding.client_certificates = tls::ClientCertificates::require;
  demanding.client_authority = authority;
  const auto strict = context_with(server_leaf(), demanding);
  struct Case {
    Protocol protocol;
    std::string greeting;
    std::vector<std::string> replies;
  };
  const std::vector<Case> cases = {
      {Protocol::imap, "* OK ready\r\n", {"p1 OK go\r\n"}},
      {Protocol::pop3, "+OK ready\r\n", {"+OK go\r\n"}},
      {Protocol::submission, "220 ready\r\n", {"250 STARTTLS\r\n", "220 go\r\n"}}};
  for (const auto& [protocol, greeting, replies] : cases) {
    SessionWorld world(options_of(security_of(Security::Upgrade::starttls), protocol));
    world.begin();
    world.connect();
    auto& backend = world.backend();
    backend.send(greeting);
    for (const auto& reply : replies) {
      backend.take();  // in clear
      backend.send(reply);
    }
    TlsPeer outside(strict);
    outside.pump(backend);
    INFO(greeting);
    CHECK(world.hear().starts_with(greeting));
    if (world.end_reason().empty()) world.say("QUIT\r\n");
    CHECK(world.end_reason() == "backend_tls_failed");
    const auto notices = world.recorded<audit::SessionNotice>();
    REQUIRE(notices.size() == 1);
    CHECK(notices[0].action == "backend-tls-failed");
    CHECK(notices[0].message == "the server refused with the alert: certificate required");
  }
}

TEST_CASE("an alert behind the first words is no refusal") {
  SessionWorld world(options_of(security_of(Security::Upgrade::starttls)));
  world.begin();
  world.connect();
  auto& backend = world.backend();
  backend.send("* OK ready\r\n");
  backend.take();
  backend.send("p1 OK go\r\n");
  TlsPeer outside(server());
  outside.pump(backend);
  world.say("a NOOP\r\n");
  outside.hear(backend);
  outside.say(backend, "a OK\r\n");
  backend.send("clear text");
  CHECK(world.end_reason() == "backend_closed");
  CHECK(world.recorded<audit::SessionNotice>().empty());
}

TEST_CASE("behind IMAP's BYE an end without close_notify is one") {
  for (const bool says_bye : {true, false}) {
    SessionWorld world(options_of(security_of(Security::Upgrade::implicit)));
    world.begin();
    world.connect();
    auto& backend = world.backend();
    TlsPeer outside(server());
    outside.pump(backend);
    outside.say(backend, "* OK ready\r\n");
    world.say("a LOGIN joe secret\r\n");
    outside.say(backend, "a OK in\r\n");
    outside.say(backend, says_bye ? "* BYE\r\nb OK\r\n" : "* 1 EXISTS\r\n");
    backend.end();
    CHECK(world.end_reason() == (says_bye ? "backend_closed" : "backend_reset"));
  }
}

TEST_CASE("clear text behind a backend's go-ahead ends the session as an attack") {
  SessionWorld world(options_of(security_of(Security::Upgrade::starttls, "old.internal", 2),
                                protocols::Protocol::imap, 2));
  world.begin();
  world.connect();
  world.backend().send("* OK ready\r\n");
  world.backend().send("p1 OK go\r\n* OK [ALERT] send your password to me\r\n");
  CHECK(world.backend().is_closed());
  CHECK_FALSE(world.dialer().is_dialling());
  CHECK(world.hear().starts_with("* BYE "));
  CHECK(world.end_reason() == "response_injection");
  CHECK(world.recorded<audit::SessionNotice>()[0].action == "response-injection");
}

TEST_CASE("what is cut off outside is cut off inside: a message that is not whole is seen so") {
  SessionWorld world(
      options_of(security_of(Security::Upgrade::implicit), protocols::Protocol::pop3));
  world.begin();
  world.connect();
  auto& backend = world.backend();
  TlsPeer outside(server());
  outside.pump(backend);
  outside.say(backend, "+OK\r\n");
  world.say("USER joe\r\n");
  outside.say(backend, "+OK\r\n");
  world.say("PASS secret\r\n");
  outside.say(backend, "+OK\r\n");
  world.say("RETR 1\r\n");
  outside.say(backend, "+OK\r\nhalf of a");
  backend.end();
  CHECK(world.hear().ends_with("half of a"));
  CHECK(world.end_reason() == "backend_reset");
}

TEST_CASE("after STARTTLS of the client a backend with TLS greets in its place, unheard") {
  auto options = options_of(security_of(Security::Upgrade::starttls));
  options.mode = conf::TlsMode::required;
  SessionWorld world(options);
  world.begin();
  world.hear();
  world.say("a STARTTLS\r\n");
  world.hear();
  world.shake_hands();
  world.connect();
  auto& backend = world.backend();
  backend.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
  CHECK(backend.take() == "p1 STARTTLS\r\n");
  backend.send("p1 OK go\r\n");
  TlsPeer outside(server());
  outside.pump(backend);
  CHECK(world.hear_in_tls().empty());
  world.say_in_tls("b NOOP\r\n");
  CHECK(outside.hear(backend) == "b NOOP\r\n");
  outside.say(backend, "b OK\r\n");
  CHECK(world.hear_in_tls() == "b OK\r\n");
}
