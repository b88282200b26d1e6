// Clients' certificates: what rules make of them, and what the audit is told.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"
#include "test/support/certificates.h"

using namespace postern;
using namespace postern::test;
using Catch::Contains;
using Catch::StartsWith;
using conf::TlsMode;

namespace {

const Issued& house() {
  static const Issued made = issue({.common_name = "House", .is_ca = true});
  return made;
}

// Of a client that shows a certificate of the house; expired where `not_after` says so.
TlsClientOptions anna(long long not_after = 2'000'000'000) {
  IssueOptions options;
  options.common_name = "anna";
  options.dns_names = {"anna@example.com"};
  options.issuer = &house();
  options.not_after = not_after;
  const auto leaf = issue(options);
  TlsClientOptions client;
  client.chain = leaf.certificate();
  client.key = leaf.key();
  return client;
}

// Logins of adm-… need one; a second rule, for everybody, needs one of all but svc-….
void administrators(conf::Settings& settings) {
  auto& rule = settings.rules.emplace_back();
  rule.name = "administrators";
  rule.users = {"adm-*"};
  rule.needs_certificate = true;
}
void all_but_services(conf::Settings& settings) {
  auto& services = settings.rules.emplace_back();
  services.name = "services";
  services.users = {"svc-*"};
  services.logins.cleartext_login = conf::CleartextLogin::refuse;
  auto& all = settings.rules.emplace_back();
  all.name = "all";
  all.needs_certificate = true;
}

SessionWorld world_of(std::function<void(conf::Settings&)> adjust) {
  static const auto authority =
      *tls::ClientAuthority::parse(house().certificate(), "people.pem", {}, {});
  return SessionWorld(
      {.mode = TlsMode::implicit, .adjust = std::move(adjust), .client_authority = authority});
}

// Shakes hands, and is greeted by the backend.
void open(SessionWorld& world, const TlsClientOptions& client) {
  world.begin();
  world.shake_hands(client);
  world.greet("* OK old\r\n");
  world.hear_in_tls();
}

}  // namespace

TEST_CASE("who needs a client certificate logs in with one, and is refused without") {
  for (const bool has_one : {false, true}) {
    auto world = world_of(administrators);
    open(world, has_one ? anna() : TlsClientOptions());
    world.say_in_tls("a LOGIN adm-anna secret\r\n");
    if (has_one) {
      REQUIRE_THAT(world.backend().take(), StartsWith("a LOGIN"));
      world.backend().send("a OK in\r\n");
      const auto login = world.recorded<audit::LoginEvent>().at(0);
      REQUIRE(login.rule == "administrators");
      REQUIRE(login.session.certificate != nullptr);
      CHECK(login.session.certificate->subject == "CN=anna");
      CHECK(login.session.certificate->issuer == "CN=House");
      CHECK(login.session.certificate->names == std::vector<std::string>{"anna@example.com"});
      CHECK_THAT(world.lines().back(),
                 Contains(R"("tls.client.subject":"CN=anna","tls.client.issuer":"CN=House",)"
                          R"("tls.client.x509.alternative_names":["anna@example.com"])"));
    } else {
      REQUIRE_THAT(world.hear_in_tls(),
                   StartsWith("a NO [AUTHORIZATIONFAILED] This login needs a client certificate"));
      REQUIRE(world.backend().take().empty());
      const auto refused = world.recorded<audit::LoginRefusedEvent>().at(0);
      CHECK(refused.reason == "certificate");
      CHECK(refused.rule == "administrators");
      CHECK(refused.session.certificate == nullptr);
      world.say_in_tls("b LOGIN bert secret\r\n");
      REQUIRE_THAT(world.backend().take(), StartsWith("b LOGIN"));
    }
  }
}

TEST_CASE(
    "a rule for users that comes before one for all lets its names in without a certificate") {
  auto world = world_of(all_but_services);
  open(world, {});
  world.say_in_tls("a LOGIN bert secret\r\n");
  REQUIRE_THAT(world.hear_in_tls(), StartsWith("a NO [AUTHORIZATIONFAILED]"));
  // The name alone comes first: it is judged once it is there.
  world.say_in_tls("b LOGIN {4}\r\n");
  REQUIRE_THAT(world.hear_in_tls(), StartsWith("+ "));
  world.say_in_tls("bert {6}\r\n");
  REQUIRE_THAT(world.hear_in_tls(), StartsWith("b NO [AUTHORIZATIONFAILED]"));
  world.say_in_tls("c LOGIN svc-scan secret\r\n");
  REQUIRE_THAT(world.backend().take(), StartsWith("c LOGIN"));
}

TEST_CASE("a certificate that is not taken fails the handshake, and the event has both") {
  auto world = world_of(administrators);
  world.begin();
  world.shake_hands(anna(1'700'000'100));
  REQUIRE(world.end_reason() == "handshake_failed");
  REQUIRE(world.events() == std::vector<std::string>{"tls-handshake client_certificate_expired",
                                                     "session-end handshake_failed"});
  const auto failed = world.recorded<audit::HandshakeEvent>().at(0);
  REQUIRE(failed.session.certificate != nullptr);
  CHECK(failed.session.certificate->subject == "CN=anna");
  CHECK(failed.session.certificate->sha256.size() == 64);
  CHECK(world.dialer().dials() == 0);
}
