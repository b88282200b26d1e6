// What a list says of a certificate.
#include "tls/leaf.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/support/certificates.h"

using namespace postern;

namespace {

std::shared_ptr<const tls::Credentials> parsed(const std::string& chain, const std::string& key) {
  auto credentials = tls::Credentials::parse(chain, key, "chain", "key");
  REQUIRE(credentials);
  return *credentials;
}

}  // namespace

TEST_CASE("facts of a leaf: its key's kind, who signed it, its number") {
  const auto authority =
      test::issue({.common_name = "Some Authority", .dns_names = {}, .is_ca = true});
  const std::vector<std::pair<test::KeyKind, std::string>> kinds = {
      {test::KeyKind::rsa, "RSA 2048"},
      {test::KeyKind::p256, "ECDSA P-256"},
      {test::KeyKind::p384, "ECDSA P-384"},
      {test::KeyKind::ed25519, "Ed25519"}};
  for (const auto& [kind, wanted] : kinds) {
    const auto leaf = test::issue(
        {.common_name = "mail.example.com", .dns_names = {}, .kind = kind, .issuer = &authority});
    const auto facts = tls::facts_of(*parsed(leaf.certificate(), leaf.key()));
    CHECK(facts.key_kind == wanted);
    CHECK(facts.issuer == "CN = Some Authority");
    CHECK(!facts.serial.empty());
    CHECK(facts.serial.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(facts.digest.size() == 64);
  }
}

TEST_CASE("a chain's digest is the same for the same chain, and another with other intermediates") {
  const auto authority =
      test::issue({.common_name = "Some Authority", .dns_names = {}, .is_ca = true});
  const auto leaf = test::issue({.common_name = "a", .dns_names = {}, .issuer = &authority});
  const auto other = test::issue({.common_name = "a", .dns_names = {}, .issuer = &authority});
  const auto digest = [](const std::string& chain, const std::string& key) {
    return tls::facts_of(*parsed(chain, key)).digest;
  };
  const auto alone = digest(leaf.certificate(), leaf.key());
  CHECK(alone == digest(leaf.certificate(), leaf.key()));
  CHECK(alone != digest(leaf.certificate() + authority.certificate(), leaf.key()));
  CHECK(alone != digest(other.certificate(), other.key()));
}
