// Certificates and keys: what is read from them, and what is said of broken ones.
#include "tls/credentials.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/support/certificates.h"

namespace postern::test {

using tls::Credentials;

namespace {

// A CA, an intermediate of it and a leaf, made once.
struct Pki {
  Issued root = issue({.common_name = "Root", .dns_names = {}, .is_ca = true});
  Issued intermediate =
      issue({.common_name = "Intermediate", .dns_names = {}, .issuer = &root, .is_ca = true});
  Issued leaf = issue({.common_name = "mail.example.com",
                       .dns_names = {"mail.example.com"},
                       .issuer = &intermediate});
};

const Pki& pki() {
  static const Pki made;
  return made;
}

std::string message(const std::string& chain, const std::string& key) {
  const auto result = Credentials::parse(chain, key, "chain.pem", "key.pem");
  return result.ok() ? "" : result.error().message;
}

std::string message_of_chain(const std::string& chain) { return message(chain, pki().leaf.key()); }
std::string message_of_key(const std::string& key) {
  return message(pki().leaf.certificate(), key);
}

std::string pem_of(const std::string& label, const std::string& base64) {
  return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
}

}  // namespace

TEST_CASE("a chain with its key gives names, times and subject") {
  const auto leaf = issue({.common_name = "Not a name",
                           .dns_names = {"Mail.Example.COM", "*.example.org"},
                           .issuer = &pki().intermediate,
                           .not_before = 1'735'689'600,
                           .not_after = 1'767'225'599});
  const auto result = Credentials::parse(
      leaf.certificate() + pki().intermediate.certificate() + pki().root.certificate(), leaf.key(),
      "chain.pem", "key.pem");
  REQUIRE(result.ok());
  const auto& credentials = **result;
  CHECK(credentials.names() == std::vector<std::string>{"mail.example.com", "*.example.org"});
  CHECK(std::chrono::system_clock::to_time_t(credentials.not_before()) == 1'735'689'600);
  CHECK(std::chrono::system_clock::to_time_t(credentials.not_after()) == 1'767'225'599);
  CHECK(credentials.subject() == "CN = Not a name");
}

TEST_CASE("the common name counts only where there is no alternative name") {
  const auto leaf = issue({.common_name = "Old.Example.com", .dns_names = {}});
  const auto result = Credentials::parse(leaf.certificate(), leaf.key(), "c", "k");
  REQUIRE(result.ok());
  CHECK((*result)->names() == std::vector<std::string>{"old.example.com"});
}

TEST_CASE("a subject with octets that are no printable ASCII is escaped") {
  const auto leaf = issue({.common_name = "M\xc3\xbcller\n\x1b[31m", .dns_names = {}});
  const auto result = Credentials::parse(leaf.certificate(), leaf.key(), "c", "k");
  REQUIRE(result.ok());
  for (const char octet : (*result)->subject()) CHECK((octet >= 0x20 && octet < 0x7f));
}

TEST_CASE("every kind of key is taken, in PKCS#8 or its own form, with text around it") {
  const auto kind = GENERATE(KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::ed25519);
  const auto leaf = issue({.common_name = "a", .dns_names = {}, .kind = kind});
  CHECK(message("Subject: a\n" + leaf.certificate(), leaf.key()).empty());
  const auto own_form = leaf.traditional_key();
  if (!own_form.empty()) CHECK(message(leaf.certificate(), own_form).empty());
  // One file with all: what other proxies have.
  const auto all = leaf.certificate() + leaf.key();
  CHECK(message(all, all).empty());
}

TEST_CASE("an expired certificate is no error") {
  const auto leaf = issue({.common_name = "a", .dns_names = {}, .not_after = 1'700'000'001});
  CHECK(message(leaf.certificate(), leaf.key()).empty());
}

TEST_CASE("times that the clock cannot say are cut to what it can") {
  const auto leaf = issue({.common_name = "a",
                           .dns_names = {},
                           .not_before = -3'000'000'000,
                           .not_after = 253'402'300'799});  // the end of 9999, "never"
  const auto result = Credentials::parse(leaf.certificate(), leaf.key(), "c", "k");
  REQUIRE(result.ok());
  CHECK((*result)->not_before() <= std::chrono::system_clock::now());
  CHECK((*result)->not_after() > std::chrono::system_clock::now());
}

TEST_CASE("files that are swapped are named so") {
  CHECK(message(pki().leaf.key(), pki().leaf.certificate()) ==
        "chain.pem holds a private key and no certificate: are chain and key swapped?");
  CHECK(message_of_key(pki().leaf.certificate()) ==
        "key.pem holds a certificate and no private key: are chain and key swapped?");
}

TEST_CASE("a chain without a certificate says what is there") {
  CHECK(message_of_chain("") == "no certificate in chain.pem: the file is empty");
  CHECK(message_of_chain("hello\n") == "no certificate in chain.pem: it has no PEM block");
  CHECK(message_of_chain(pki().leaf.certificate_der()) ==
        "no certificate in chain.pem: it looks like DER, not PEM; "
        "try `openssl x509 -inform der -in FILE -out FILE.pem`");
  CHECK(message_of_chain(pem_of("CERTIFICATE REQUEST", "AAAA")) ==
        "no certificate in chain.pem: it holds only: CERTIFICATE REQUEST");
}

TEST_CASE("a chain that is damaged says where") {
  const auto leaf = pki().leaf.certificate();
  CHECK(message_of_chain(leaf + pki().intermediate.certificate().substr(0, 300)) ==
        "chain.pem: PEM block 2 is damaged (cut off, or changed by an editor)");
  CHECK(message_of_chain(leaf + pem_of("CERTIFICATE", "not*base64")) ==
        "chain.pem: PEM block 2 is damaged (cut off, or changed by an editor)");
  CHECK(message_of_chain(leaf + pem_of("CERTIFICATE", "AAAA")) ==
        "certificate 2 in chain.pem is no valid X.509 certificate");
}

TEST_CASE("a chain in the wrong order says what the right one is") {
  const auto& [root, intermediate, leaf] = pki();
  CHECK(message_of_chain(intermediate.certificate() + leaf.certificate()) ==
        "the key in key.pem does not belong to the first certificate in chain.pem "
        "(CN = Intermediate) but to number 2: wrong order; the server's own certificate comes "
        "first, then each one's issuer");
  CHECK(message_of_chain(leaf.certificate() + root.certificate() + intermediate.certificate()) ==
        "certificate 2 in chain.pem (CN = Root) is not the issuer of number 1, which is number 3 "
        "(CN = Intermediate): wrong order");
  CHECK(message_of_chain(leaf.certificate() + root.certificate()) ==
        "certificate 2 in chain.pem (CN = Root) is not the issuer of number 1: that one's issuer "
        "(CN = Intermediate) is missing");
}

TEST_CASE("a certificate that only has the name of the issuer is not taken for it") {
  const auto impostor = issue({.common_name = "Intermediate", .dns_names = {"x.example.com"}});
  const auto text = message_of_chain(pki().leaf.certificate() + impostor.certificate());
  CHECK(text ==
        "certificate 2 in chain.pem (CN = Intermediate) is not the issuer of number 1, though it "
        "has that name: number 1 was signed by another key");
}

TEST_CASE("a key of another certificate is refused") {
  const auto other = issue({.common_name = "other", .dns_names = {}});
  CHECK(message_of_key(other.key()) ==
        "the key in key.pem does not belong to the first certificate in chain.pem "
        "(CN = mail.example.com)");
  const auto rsa = issue({.common_name = "rsa", .dns_names = {}, .kind = KeyKind::rsa});
  CHECK(message_of_key(rsa.key()) ==
        "the key in key.pem does not belong to the first certificate in chain.pem "
        "(CN = mail.example.com)");
}

TEST_CASE("a key that is none says what is there") {
  CHECK(message_of_key("") == "no private key in key.pem: the file is empty");
  CHECK(message_of_key("password\n") == "no private key in key.pem: it has no PEM block");
  CHECK(message_of_key(pem_of("PUBLIC KEY", "AAAA")) ==
        "no private key in key.pem: it holds only: PUBLIC KEY");
  CHECK(message_of_key(pem_of("PRIVATE KEY", "AAAA")) ==
        "the key in key.pem cannot be read: damaged, or of an unknown kind");
  CHECK(message_of_key(pem_of("OPENSSH PRIVATE KEY", "AAAA")) ==
        "the key in key.pem is one of SSH; a TLS key in PKCS#8 is needed");
  auto cut = pki().leaf.key();
  cut.resize(cut.size() / 2);
  CHECK(message_of_key(cut) ==
        "key.pem: PEM block 1 is damaged (cut off, or changed by an editor)");
}

TEST_CASE("a key that makes no handshake is refused at once") {
  const auto fault = [](const IssueOptions& options) {
    const auto issued = issue(options);
    return message(issued.certificate(), issued.key());
  };
  CHECK(fault({.common_name = "a", .kind = KeyKind::p224}) ==
        "the key in key.pem is ECDSA P-224, a curve that TLS has no use for; P-256, P-384 or P-521 "
        "is needed");
  CHECK(fault({.common_name = "a", .kind = KeyKind::rsa, .rsa_bits = 512}) ==
        "the key in key.pem is RSA 512, too short for TLS 1.3's signatures; 2048 bits are needed");
  CHECK(fault({.common_name = "a", .kind = KeyKind::rsa, .rsa_bits = 1024}).empty());
}

TEST_CASE("what hides a PEM block is named") {
  const std::string mark = "\xef\xbb\xbf";
  const auto leaf = pki().leaf.certificate();
  const auto key = pki().leaf.key();
  const std::string marked =
      " has a byte order mark before -----BEGIN: save it as ASCII, or as UTF-8 without";
  CHECK(message(mark + leaf, key) == "chain.pem" + marked);
  CHECK(message(leaf, mark + key) == "key.pem" + marked);
  CHECK(message(leaf + mark + pki().intermediate.certificate(), key) == "chain.pem" + marked);
  CHECK(message(mark + "leaf\n" + leaf, key).empty());
  CHECK(message(" " + leaf, key) ==
        "no certificate in chain.pem: something stands before or behind -----BEGIN on its line");
}

TEST_CASE("what is far too much is refused") {
  std::string chain;
  for (std::size_t i = 0; i <= Credentials::kMaxChain; ++i) chain += pki().leaf.certificate();
  CHECK(message_of_chain(chain) ==
        "chain.pem has more than 16 certificates; it should hold the server's own and its "
        "intermediates only");
  std::string blocks;
  for (int i = 0; i < 65; ++i) blocks += pem_of("PUBLIC KEY", "AAAA");
  CHECK(message_of_key(blocks) == "key.pem has more than 64 PEM blocks");
  CHECK(message_of_key(std::string(Credentials::kMaxFile + 1, '\n')) ==
        "key.pem is too large for a PEM file (over 1 MiB)");
}

TEST_CASE("no message shows anything of a key") {
  auto key = pki().leaf.key();
  key[key.size() / 2] = '*';
  const auto text = message_of_key(key);
  CHECK_FALSE(text.empty());
  CHECK(text.find(key.substr(30, 8)) == std::string::npos);
}

TEST_CASE("a key that its certificate forbids to sign is refused with the file's name") {
  const auto leaf = issue({.common_name = "mail.example.com", .may_sign = false});
  CHECK(message(leaf.certificate(), leaf.key()) ==
        "TLS cannot use the certificate in chain.pem (CN = mail.example.com): its key usage "
        "forbids signing, or its kind of key is not supported");
}

TEST_CASE("a certificate that signed itself has nothing behind it") {
  const auto leaf = issue({.common_name = "self", .dns_names = {"self.example.com"}});
  CHECK(message(leaf.certificate() + pki().root.certificate(), leaf.key()) ==
        "the first certificate in chain.pem (CN = self) is signed by itself, but others follow it: "
        "it needs none, or is not the server's own");
}

TEST_CASE("what clients take offence at is warned of, what is only odd is noted") {
  constexpr auto kNow = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000));
  const auto& [root, intermediate, leaf] = pki();
  const auto old_ca =
      issue({.common_name = "Old CA", .issuer = &root, .is_ca = true, .not_after = 1'710'000'000});
  const auto weak_ca =
      issue({.common_name = "Weak CA", .kind = KeyKind::rsa, .is_ca = true, .rsa_bits = 1024});
  struct Row {
    IssueOptions leaf;
    std::string behind;  // PEM
    std::vector<std::string> warnings;
    std::vector<std::string> notes;
  };
  const std::vector<std::string> kName = {"mail.example.com"};
  const std::vector<Row> rows = {
      {{.common_name = "a", .dns_names = kName, .issuer = &intermediate},
       intermediate.certificate(),
       {},
       {}},
      {{.common_name = "a", .dns_names = kName, .issuer = &intermediate},
       intermediate.certificate() + root.certificate(),
       {},
       {"certificate 3 in chain.pem (CN = Root) is a root, which need not be sent: clients have "
        "it, or do not trust it"}},
      {{.common_name = "a.example.com"},
       "",
       {},
       {"the certificate in chain.pem (CN = a.example.com) has its name as a common name only: "
        "clients of today look at subjectAltName"}},
      {{.common_name = "a", .dns_names = {"192.0.2.1"}}, "", {}, {}},
      {{.common_name = ""},
       "",
       {"the certificate in chain.pem () is for no name: clients that verify refuse it"},
       {}},
      {{.common_name = "a", .dns_names = kName, .kind = KeyKind::rsa, .rsa_bits = 1024},
       "",
       {"the certificate in chain.pem (CN = a) has an RSA 1024 key: clients refuse less than 2048 "
        "bits"},
       {}},
      // Its own signature is looked at by nobody.
      {{.common_name = "a", .dns_names = kName, .uses_sha1 = true}, "", {}, {}},
      {{.common_name = "a", .dns_names = kName, .issuer = &intermediate, .uses_sha1 = true},
       "",
       {"the certificate in chain.pem (CN = a) is signed with SHA-1 or MD5: clients refuse it"},
       {}},
      {{.common_name = "a", .dns_names = kName, .issuer = &old_ca},
       old_ca.certificate(),
       {"certificate 2 in chain.pem (CN = Old CA) has expired on 2024-03-09"},
       {}},
      {{.common_name = "a", .dns_names = kName, .issuer = &weak_ca},
       weak_ca.certificate(),
       {"certificate 2 in chain.pem (CN = Weak CA) has an RSA 1024 key: clients refuse less than "
        "2048 bits"},
       {"certificate 2 in chain.pem (CN = Weak CA) is a root, which need not be sent: clients "
        "have it, or do not trust it"}},
  };
  for (const auto& row : rows) {
    const auto made = issue(row.leaf);
    const auto result =
        Credentials::parse(made.certificate() + row.behind, made.key(), "chain.pem", "key.pem");
    REQUIRE(result.ok());
    CHECK((*result)->warnings(kNow) == row.warnings);
    CHECK((*result)->notes() == row.notes);
  }
}

TEST_CASE("a throw-away certificate is for its names, from an hour ago for 30 days") {
  using namespace std::chrono_literals;
  const auto pem = tls::make_throwaway_certificate({"Demo.example.com", "127.0.0.1", "::1"});
  const auto result = Credentials::parse(pem.chain, pem.key, "c", "k");
  REQUIRE(result.ok());
  const auto& credentials = **result;
  CHECK(credentials.names() == std::vector<std::string>{"demo.example.com"});
  CHECK(credentials.subject() == "CN = Demo.example.com");
  const auto now = std::chrono::system_clock::now();
  CHECK(credentials.not_before() < now - 59min);
  CHECK(credentials.not_before() > now - 61min);
  CHECK(credentials.not_after() > now + 30 * 24h - 1min);
  CHECK(credentials.not_after() < now + 30 * 24h + 1min);
  CHECK(tls::make_throwaway_certificate({"Demo.example.com"}).key != pem.key);
}

TEST_CASE("a throw-away certificate takes a name that is too long for a common name") {
  const auto name = std::string(60, 'a') + ".example.com";
  const auto pem = tls::make_throwaway_certificate({name});
  const auto result = Credentials::parse(pem.chain, pem.key, "c", "k");
  REQUIRE(result.ok());
  CHECK((*result)->names() == std::vector<std::string>{name});
  CHECK(tls::make_throwaway_certificate({}).chain.empty());
}

}  // namespace postern::test
