// Whom a context can serve, and what it would take: a table, and the same asked of real handshakes.
#include "tls/lack.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "test/tls/hello.h"

namespace postern::test {

using tls::KeyKinds;
using tls::Lack;
using tls::Offer;
using tls::Profile;
using tls::Serving;
using tls::Version;
using Kind = tls::Lack::Kind;

namespace {

constexpr KeyKinds kBoth = {.rsa = true, .ecdsa = true, .ed25519 = false};
constexpr KeyKinds kEcdsaOnly = {.rsa = false, .ecdsa = true, .ed25519 = false};
constexpr KeyKinds kRsaOnly = {.rsa = true, .ecdsa = false, .ed25519 = false};
constexpr KeyKinds kEdwardsOnly = {.rsa = false, .ecdsa = false, .ed25519 = true};

using Numbers = std::vector<std::uint16_t>;
const Numbers kUsualGroups = {29, 23};
const Numbers kUsualAlgorithms = {0x0403, 0x0804, 0x0401};

Offer offer_of(const Numbers& versions, const Numbers& ciphers,
               const Numbers& groups = kUsualGroups, const Numbers& algorithms = kUsualAlgorithms) {
  Offer offer;
  offer.versions = versions;
  offer.ciphers = ciphers;
  offer.groups = groups;
  offer.signature_algorithms = algorithms;
  return offer;
}

Lack terms(std::optional<Version> version, std::optional<Profile> profile) {
  return {Kind::terms, version, profile};
}

constexpr auto kNo = std::nullopt;
constexpr Lack kNothing = {Kind::nothing};
constexpr Lack kEverything = {Kind::everything};

}  // namespace

TEST_CASE("what a client lacks is named by what it offers") {
  struct Row {
    const char* name;
    Offer offer;
    Lack at_intermediate;  // TLS 1.2 to 1.3
    Lack at_legacy_with_1_0;
    Lack at_island;  // TLS 1.0 to 1.3
  };
  const Lack hybrid = tls::has_hybrid() ? kNothing : kEverything;
  const std::vector<Row> rows = {
      {"today's", offer_of({0x0304, 0x0303}, {0x1301, 0xc02b, 0xc02f}), kNothing, kNothing,
       kNothing},
      {"TLS 1.2 alone", offer_of({0x0303}, {0xc02f}), kNothing, kNothing, kNothing},
      {"TLS 1.2 with SHA-1 by default", offer_of({0x0303}, {0xc02f}, kUsualGroups, {}), kNothing,
       kNothing, kNothing},
      {"TLS 1.2 with CBC", offer_of({0x0303}, {0xc013}), terms(kNo, Profile::legacy), kNothing,
       kNothing},
      {"TLS 1.2 with RSA key exchange", offer_of({0x0303}, {0x009c, 0x002f}),
       terms(kNo, Profile::island), terms(kNo, Profile::island), kNothing},
      {"TLS 1.2 with ECDHE and no groups", offer_of({0x0303}, {0xc02f, 0x009c}, {}),
       terms(kNo, Profile::island), terms(kNo, Profile::island), kNothing},
      {"TLS 1.3 with P-521", offer_of({0x0304, 0x0303}, {0x1301, 0xc02f}, {25}),
       terms(kNo, Profile::legacy), kNothing, kNothing},
      {"TLS 1.1 with ECDHE", offer_of({0x0302}, {0xc00a}, kUsualGroups, {}),
       terms(Version::tls1_1, kNo), kNothing, kNothing},
      {"TLS 1.0 with ECDHE", offer_of({0x0301}, {0xc014, 0x0035}, kUsualGroups, {}),
       terms(Version::tls1_0, kNo), kNothing, kNothing},
      {"TLS 1.0 with AES by RSA key exchange", offer_of({0x0301}, {0x0035, 0x0005}, {}, {}),
       terms(Version::tls1_0, Profile::island), terms(kNo, Profile::island), kNothing},
      {"TLS 1.0 with 3DES", offer_of({0x0301}, {0x000a, 0x0004, 0x0005}, {}, {}),
       terms(Version::tls1_0, Profile::island), terms(kNo, Profile::island), kNothing},
      {"TLS 1.0 with AEAD alone, which it cannot use", offer_of({0x0301}, {0xc02f}), kEverything,
       kEverything, kEverything},
      {"TLS 1.0 with RC4", offer_of({0x0301}, {0x0005, 0x0004}, {}, {}), kEverything, kEverything,
       kEverything},
      {"TLS 1.0 with DHE", offer_of({0x0301}, {0x0039, 0x0033, 0x0016}, {}, {}), kEverything,
       kEverything, kEverything},
      {"TLS 1.2 with DHE", offer_of({0x0303}, {0x009e, 0x009f, 0x0067}), kEverything, kEverything,
       kEverything},
      {"SSL 3.0", offer_of({0x0300}, {0x000a, 0x0005}, {}, {}), kEverything, kEverything,
       kEverything},
      {"SSL 2.0", offer_of({0x0002}, {0x000a, 0x0005}, {}, {}), kEverything, kEverything,
       kEverything},
      {"a draft's version", offer_of({0x7f1c}, {0x1301}), kEverything, kEverything, kEverything},
      {"no version", offer_of({}, {0x1301}), kEverything, kEverything, kEverything},
      {"TLS 1.3 with foreign groups", offer_of({0x0304, 0x0303}, {0x1301, 0xc02f}, {256, 30}),
       kEverything, kEverything, kEverything},
      {"TLS 1.3 with foreign algorithms",
       offer_of({0x0304}, {0x1301}, kUsualGroups, {0x0201, 0x0401}), kEverything, kEverything,
       kEverything},
      {"TLS 1.3 with suites of 1.2", offer_of({0x0304, 0x0303}, {0xc02f}), kEverything, kEverything,
       kEverything},
      {"nothing but GREASE", offer_of({0x0a0a}, {0x1a1a}, {0x2a2a}, {0x3a3a}), kEverything,
       kEverything, kEverything},
      {"the hybrid group alone", offer_of({0x0304}, {0x1302}, {0x11ec}), hybrid, hybrid, hybrid},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto at = [&](Profile profile, Version min) {
      return tls::lack_of({profile, min, Version::tls1_3, kBoth}, row.offer);
    };
    CHECK(at(Profile::intermediate, Version::tls1_2) == row.at_intermediate);
    CHECK(at(Profile::modern, Version::tls1_2) == row.at_intermediate);
    CHECK(at(Profile::legacy, Version::tls1_0) == row.at_legacy_with_1_0);
    CHECK(at(Profile::island, Version::tls1_0) == row.at_island);
  }
}

TEST_CASE("a lowest version of 1.3 is named by the version that the client has") {
  const Serving modern = {Profile::modern, Version::tls1_3, Version::tls1_3, kBoth};
  CHECK(tls::lack_of(modern, offer_of({0x0304}, {0x1301})) == kNothing);
  CHECK(tls::lack_of(modern, offer_of({0x0303}, {0xc02f})) == terms(Version::tls1_2, kNo));
  CHECK(tls::lack_of(modern, offer_of({0x0303}, {0xc013})) ==
        terms(Version::tls1_2, Profile::legacy));
  CHECK(tls::lack_of(modern, offer_of({0x0302, 0x0301}, {0x002f})) ==
        terms(Version::tls1_1, Profile::island));
}

TEST_CASE("the certificates' keys count for what a client lacks") {
  const auto at = [](KeyKinds keys, const Offer& offer) {
    return tls::lack_of({Profile::intermediate, Version::tls1_2, Version::tls1_3, keys}, offer);
  };
  CHECK(at(kRsaOnly, offer_of({0x0303}, {0xc02b})) == kEverything);
  CHECK(at(kEcdsaOnly, offer_of({0x0303}, {0xc02b})) == kNothing);
  CHECK(at(kEdwardsOnly, offer_of({0x0303}, {0xc02b})) == kEverything);
  CHECK(at(kEdwardsOnly, offer_of({0x0303}, {0xc02b}, kUsualGroups, {0x0807})) == kNothing);
  CHECK(at(kEcdsaOnly, offer_of({0x0303}, {0xc02f})) == Lack{Kind::rsa_key, kNo, kNo});
  CHECK(at(kEcdsaOnly, offer_of({0x0301}, {0xc013})) == Lack{Kind::rsa_key, Version::tls1_0, kNo});
  CHECK(at(kEcdsaOnly, offer_of({0x0301}, {0x000a}, {}, {})) ==
        Lack{Kind::rsa_key, Version::tls1_0, Profile::island});
  CHECK(at(kEcdsaOnly, offer_of({0x0301}, {0x0005}, {}, {})) == kEverything);
}

TEST_CASE("a client that is newer than the highest version lacks that one") {
  const Serving twelve = {Profile::intermediate, Version::tls1_2, Version::tls1_2, kBoth};
  CHECK(tls::lack_of(twelve, offer_of({0x0304}, {0x1301})) == Lack{Kind::max_version});
  CHECK(tls::lack_of(twelve, offer_of({0x0304, 0x0303}, {0x1301, 0xc02f})) == kNothing);
  // A hello without the list offers all versions before the one that it names.
  const Serving eleven = {Profile::intermediate, Version::tls1_0, Version::tls1_1, kBoth};
  CHECK(tls::lack_of(eleven, offer_of({0x0303}, {0xc013})) == kNothing);
  CHECK(tls::lack_of(eleven, offer_of({0x0304, 0x0303}, {0xc013})) == Lack{Kind::max_version});
}

TEST_CASE(
    "what a client lacks is what BoringSSL's handshake fails for, over all that it may offer") {
  const auto made = [](KeyKind kind) {
    const auto issued =
        issue({.common_name = "mail.example.com", .dns_names = {"mail.example.com"}, .kind = kind});
    return *tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
  };
  const auto rsa = made(KeyKind::rsa);
  const auto ecdsa = made(KeyKind::p256);
  const std::vector<std::vector<std::shared_ptr<const tls::Credentials>>> certificates = {
      {rsa}, {ecdsa}, {ecdsa, rsa}};
  const std::vector<std::string> suites = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                           "ECDHE-RSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-AES256-SHA",
                                           "ECDHE-RSA-AES128-SHA",
                                           "AES128-GCM-SHA256",
                                           "AES128-SHA:AES256-SHA",
                                           "DES-CBC3-SHA",
                                           "ECDHE-ECDSA-AES256-SHA:AES128-SHA"};
  std::map<bool, int> seen;
  for (const auto& credentials : certificates) {
    for (const auto profile :
         {Profile::modern, Profile::intermediate, Profile::legacy, Profile::island}) {
      for (const auto min : {Version::tls1_0, Version::tls1_2, Version::tls1_3}) {
        tls::ServerOptions options;
        options.credentials = credentials;
        options.profile = profile;
        options.min_version = min;
        const auto context = context_of(options);
        for (const auto& suite : suites) {
          for (const std::string groups : {"X25519:P-256", "P-521:P-256", "P-521"}) {
            for (const auto max : Numbers{0x0301, 0x0302, 0x0303, 0x0304}) {
              TlsClientOptions client;
              client.max_version = max;
              client.ciphers = suite;
              client.groups = groups;
              const Connection connection(context, client);
              if (connection.engine.offer() == nullptr) continue;  // it has no suite of its own
              const bool is_served = connection.engine.state() == tls::Engine::State::open;
              INFO(suite << " " << groups << " up to " << max << ", profile "
                         << static_cast<int>(profile) << " from " << static_cast<int>(min) << ", "
                         << credentials.front()->subject() << " and " << credentials.size() - 1
                         << ": " << connection.engine.failure_text() << " "
                         << connection.engine.facts().cipher);
              REQUIRE((connection.engine.lack().kind == Kind::nothing) == is_served);
              ++seen[is_served];
            }
          }
        }
      }
    }
  }
  CHECK(seen[true] > 500);
  CHECK(seen[false] > 500);
}

TEST_CASE("an engine without an offer lacks nothing that can be named") {
  tls::Engine engine(context_of());
  CHECK(engine.lack() == kNothing);
}

}  // namespace postern::test
