// Clients with nothing but RSA key exchange: in a rule's networks, and outside.
#include <catch2/catch.hpp>

#include "proxy/session/need.h"
#include "test/proxy/session/session_world.h"
#include "test/support/certificates.h"

using namespace postern;
using namespace postern::test;
using Catch::Contains;
using conf::TlsMode;

namespace {

const tls::PemPair& rsa_pair() {
  static const tls::PemPair pair = [] {
    const auto issued = issue({.common_name = "mail.example.com",
                               .dns_names = {"mail.example.com"},
                               .kind = KeyKind::rsa});
    return tls::PemPair{issued.certificate(), issued.key()};
  }();
  return pair;
}

void open_island(conf::Settings& settings) {
  auto& rule = settings.rules.emplace_back();
  rule.name = "museum";
  rule.from = {{net::Address::parse("192.0.2.64", 0)->octets(), 124}};
  rule.min_version = conf::TlsVersion::tls1_0;
  rule.profile = conf::Profile::legacy;
}

WorldOptions world_for(std::string source) {
  return {.mode = TlsMode::implicit,
          .source = std::move(source),
          .key = rsa_pair(),
          .adjust = open_island};
}

TlsClientOptions copier() {
  TlsClientOptions options;
  options.min_version = options.max_version = 0x0301;
  options.ciphers = "DES-CBC3-SHA";
  return options;
}

}  // namespace

TEST_CASE("island: a copier with 3DES logs in there, and every event names the rule") {
  SessionWorld world(world_for("192.0.2.70"));
  world.begin();
  world.shake_hands(copier());
  world.greet("* OK [CAPABILITY IMAP4rev1] hello\r\n");
  REQUIRE_THAT(world.hear_in_tls(), Contains("hello"));
  world.say_in_tls("a LOGIN joe secret\r\n");
  world.backend().take();
  world.backend().send("a OK in\r\n");
  REQUIRE_THAT(world.hear_in_tls(), Contains("a OK"));
  world.backend().reset(-104);
  const auto login = world.recorded<audit::LoginEvent>().at(0);
  CHECK(login.session.tls->cipher == "TLS_RSA_WITH_3DES_EDE_CBC_SHA");
  CHECK(login.session.tls->version == "1.0");
  CHECK(login.session.opened_by == "museum");
  CHECK(world.recorded<audit::SessionEndEvent>().at(0).session.opened_by == "museum");
  for (const auto& line : world.lines()) {
    CHECK_THAT(line, Contains(R"("postern.policy.rule":"museum")"));
  }
}

TEST_CASE("island: outside it the handshake fails, and the event says what it would need") {
  SessionWorld world(world_for("192.0.2.80"));
  world.begin();
  TlsClient tls(copier());
  tls.receive("");
  world.say(tls.take_output());
  tls.receive(world.hear());
  REQUIRE(tls.failed());
  REQUIRE(world.dialer().dials() == 0);
  const auto failed = world.recorded<audit::HandshakeEvent>().at(0);
  CHECK(failed.reason == "no_shared_version");
  CHECK(failed.needs == "profile: legacy and min_version: 1.0 by a rule");
  CHECK(failed.session.opened_by.empty());
  CHECK_THAT(world.lines().at(0),
             Contains(R"("postern.tls.needs":"profile: legacy and min_version: 1.0 by a rule")"));
}

TEST_CASE("island: today's client there has today's TLS, and the rule is named all the same") {
  SessionWorld world(world_for("192.0.2.70"));
  world.begin();
  world.shake_hands();
  CHECK(world.tls().version() == 0x0304);
  world.client().reset(-104);
  CHECK(world.recorded<audit::SessionEndEvent>().at(0).session.opened_by == "museum");
}

TEST_CASE("a need is named in the settings' words") {
  using tls::Lack;
  using tls::Profile;
  using tls::Version;
  using Kind = tls::Lack::Kind;
  struct Row {
    Lack lack;
    const char* text;
  };
  for (const auto& row : std::vector<Row>{
           {{Kind::nothing}, ""},
           {{Kind::terms, {}, Profile::legacy}, "profile: legacy"},
           {{Kind::terms, {}, Profile::island}, "profile: legacy by a rule"},
           {{Kind::terms, Version::tls1_2, {}}, "min_version: 1.2"},
           {{Kind::terms, Version::tls1_1, {}}, "min_version: 1.1 by a rule"},
           {{Kind::terms, Version::tls1_2, Profile::legacy},
            "profile: legacy and min_version: 1.2"},
           {{Kind::terms, Version::tls1_0, Profile::island},
            "profile: legacy and min_version: 1.0 by a rule"},
           {{Kind::rsa_key}, "an RSA certificate"},
           {{Kind::rsa_key, {}, Profile::island},
            "an RSA certificate, and profile: legacy by a rule"},
           {{Kind::max_version}, "a higher max_version"},
           {{Kind::everything}, "legacy_tls: splice, on an implicit listener"},
       }) {
    CHECK(session::text_of(row.lack) == row.text);
  }
}
