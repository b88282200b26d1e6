// OCSP staples: which are taken, what is said of the others, and when one is sent.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/ocsp_response.h"
#include "test/tls/connection.h"
#include "tls/credentials.h"
#include "tls/engine.h"

namespace postern::test {

using tls::Credentials;
using Hash = OcspOptions::Hash;
using Status = OcspOptions::Status;

namespace {

constexpr std::chrono::sys_seconds at(std::chrono::sys_days day, int hour = 0) {
  return day + std::chrono::hours(hour);
}
using std::chrono::January;
constexpr std::chrono::sys_days kFrom = std::chrono::year(2026) / January / 1;
constexpr std::chrono::sys_days kUntil = std::chrono::year(2026) / January / 8;

// An authority with two leaves, and others.
struct Pki {
  explicit Pki(KeyKind kind = KeyKind::p256)
      : ca(issue({.common_name = "CA", .kind = kind, .is_ca = true})) {}

  Issued of_ca(IssueOptions options) const {
    options.issuer = &ca;
    return issue(options);
  }

  Issued ca;
  Issued leaf = of_ca({.common_name = "mail.example.com", .dns_names = {"mail.example.com"}});
  Issued other = of_ca({.common_name = "other.example.com", .serial = 8});
  Issued responder = of_ca({.common_name = "responder", .answers_ocsp = true});
  Issued impostor = of_ca({.common_name = "no responder"});
  Issued foreign_ca = issue({.common_name = "CA", .is_ca = true});
  Issued foreign_responder =
      issue({.common_name = "responder", .issuer = &foreign_ca, .answers_ocsp = true});
};

const Pki& pki() {
  static const Pki made;
  return made;
}

// A folder that goes with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    std::filesystem::permissions(path / name, std::filesystem::perms::owner_read);
    return (path / name).string();
  }
  std::filesystem::path path;
};

std::shared_ptr<const Credentials> with_staple(const std::string& staple, const Issued& leaf,
                                               const std::string& behind) {
  const Folder folder;
  tls::CredentialFiles files;
  files.chain = folder.file("chain.pem", leaf.certificate() + behind);
  files.key = folder.file("key.pem", leaf.key());
  files.staple = folder.file("staple.der", staple);
  const auto loaded = Credentials::load(files);
  REQUIRE(loaded.ok());
  return *loaded;
}

std::shared_ptr<const Credentials> with_staple(const std::string& staple, const Pki& of = pki()) {
  return with_staple(staple, of.leaf, of.ca.certificate());
}

// What is said of it on a day when it holds, without the folder's name; "": nothing.
std::string fault_of(const std::string& staple) {
  const auto warnings = with_staple(staple)->warnings(at(kFrom, 1));
  if (warnings.empty()) return "";
  REQUIRE(warnings.size() == 1);
  return warnings[0].substr(warnings[0].find("staple.der"));
}

OcspOptions about_the_leaf() { return {.issuer = &pki().ca, .leaf = &pki().leaf}; }

}  // namespace

TEST_CASE("a good response of the issuer or of its delegate is taken, by either hash") {
  for (const auto kind : {KeyKind::p256, KeyKind::rsa, KeyKind::ed25519}) {
    const Pki own(kind);
    for (const auto hash : {Hash::sha1, Hash::sha256}) {
      const auto by_issuer =
          with_staple(ocsp_response({.issuer = &own.ca, .leaf = &own.leaf, .hash = hash}), own);
      CHECK(by_issuer->warnings(at(kFrom, 1)).empty());
      CHECK(by_issuer->staple_until() == kUntil);
      const auto by_delegate = with_staple(ocsp_response({.issuer = &own.ca,
                                                          .leaf = &own.leaf,
                                                          .signer = &own.responder,
                                                          .holds_signer = true,
                                                          .hash = hash}),
                                           own);
      CHECK(by_delegate->warnings(at(kFrom, 1)).empty());
      CHECK(by_delegate->staple_until() == kUntil);
    }
  }
}

TEST_CASE("a certificate that signed itself answers for itself") {
  const auto self = issue({.common_name = "self", .dns_names = {"self.example.com"}});
  const auto loaded = with_staple(ocsp_response({.issuer = &self, .leaf = &self}), self, "");
  CHECK(loaded->warnings(at(kFrom, 1)).empty());
}

TEST_CASE("a staple that is not fit is not taken, and it is said why") {
  struct Row {
    std::function<void(OcspOptions&)> change;
    std::string fault;
  };
  const std::string foreign =
      "staple.der is not signed by the certificate's issuer, nor by a responder of its: not sent";
  const std::vector<Row> rows = {
      {[](auto&) {}, ""},
      {[](auto& o) { o.status = Status::revoked; },
       "staple.der says that the certificate was REVOKED on 2025-12-24: not sent"},
      {[](auto& o) { o.status = Status::unknown; },
       "staple.der says that the responder does not know the certificate: not sent"},
      {[](auto& o) { o.leaf = &pki().other; }, "staple.der is about another certificate: not sent"},
      {[](auto& o) { o.issuer = &pki().foreign_ca; },
       "staple.der is about another certificate: not sent"},
      {[](auto& o) { o.next_update = ""; },
       "staple.der does not say until when it holds (it has no nextUpdate): not sent"},
      {[](auto& o) { o.signer = &pki().foreign_ca; }, foreign},
      // A delegate whose certificate is not there.
      {[](auto& o) { o.signer = &pki().responder; }, foreign},
      // One that the issuer made for other things.
      {[](auto& o) {
         o.signer = &pki().impostor;
         o.holds_signer = true;
       },
       foreign},
      // The leaf must not answer for itself.
      {[](auto& o) {
         o.signer = &pki().leaf;
         o.holds_signer = true;
       },
       foreign},
      {[](auto& o) {
         o.signer = &pki().foreign_responder;
         o.holds_signer = true;
       },
       foreign},
  };
  for (const auto& row : rows) {
    auto options = about_the_leaf();
    row.change(options);
    CHECK(fault_of(ocsp_response(options)) == row.fault);
  }
}

TEST_CASE("an algorithm that is not checked is said, and not another fault") {
  const auto with = [](std::string text, std::string_view from, std::string_view to) {
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    return text.replace(place, from.size(), to);
  };
  const std::string ecdsa = "\x2a\x86\x48\xce\x3d\x04";  // and .1 with SHA-1, .3.2 with SHA-256
  CHECK(fault_of(with(ocsp_response(about_the_leaf()), ecdsa + "\x03\x02", ecdsa + "\x03\x01")) ==
        "staple.der is signed by an algorithm that postern does not check: PKCS #1 or ECDSA with "
        "SHA-256, SHA-384 or SHA-512, or Ed25519, is needed: not sent");
  const std::string sha2 = "\x60\x86\x48\x01\x65\x03\x04\x02";  // and .1 for SHA-256
  auto options = about_the_leaf();
  options.hash = Hash::sha256;
  CHECK(
      fault_of(with(ocsp_response(options), sha2 + "\x01", sha2 + "\x02")) ==
      "staple.der names its certificate by another hash than SHA-1 and SHA-256, which postern does "
      "not check: not sent");
  options.leaf = &pki().other;
  CHECK(fault_of(with(ocsp_response(options), sha2 + "\x01", sha2 + "\x02")) ==
        "staple.der is about another certificate: not sent");
}

TEST_CASE("a responder that refused is named, and so is a file that is none of its answers") {
  const std::string none = "staple.der is no OCSP response in DER, or is damaged: not sent";
  const std::string refused = "staple.der is no answer of the responder's but its refusal: ";
  CHECK(fault_of(ocsp_refusal(1)) == refused + "malformedRequest: not sent");
  CHECK(fault_of(ocsp_refusal(2)) == refused + "internalError: not sent");
  CHECK(fault_of(ocsp_refusal(3)) == refused + "tryLater: not sent");
  CHECK(fault_of(ocsp_refusal(5)) == refused + "sigRequired: not sent");
  CHECK(fault_of(ocsp_refusal(6)) == refused + "unauthorized: not sent");
  CHECK(fault_of(ocsp_refusal(9)) == refused + "an unknown status: not sent");
  CHECK(fault_of(ocsp_refusal(0)) == none);
  CHECK(fault_of("") == none);
  CHECK(fault_of("hello") == none);
  CHECK(fault_of(pki().leaf.certificate_der()) == none);
  CHECK(fault_of("-----BEGIN OCSP RESPONSE-----\n") ==
        "staple.der looks like PEM; an OCSP response in DER is needed: not sent");
  CHECK(fault_of(std::string(65 * 1024, '0')) ==
        "staple.der is too large for an OCSP response (over 64 KiB): not sent");
}

TEST_CASE("no response that is cut off or changed in one octet is taken as another") {
  auto options = about_the_leaf();
  options.signer = &pki().responder;
  options.holds_signer = true;
  const auto good = ocsp_response(options);
  REQUIRE(fault_of(good).empty());
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(fault_of(good.substr(0, size)).empty());
  }
  CHECK_FALSE(fault_of(good + '\0').empty());
  std::size_t taken = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char bits : {'\x01', '\x20', '\x80'}) {
      auto changed = good;
      changed[i] = static_cast<char>(changed[i] ^ bits);
      const auto loaded = with_staple(changed);
      if (!loaded->staple_until()) continue;
      ++taken;
      CHECK(loaded->staple_until() == kUntil);
    }
  }
  // The algorithms' parameters, and tags within what is not signed, change nothing.
  CHECK(taken < 20);
}

TEST_CASE("a staple ends with the certificate of who signed it") {
  const auto last = std::chrono::sys_days(std::chrono::year(2026) / January / 3);
  const auto responder =
      issue({.common_name = "responder",
             .issuer = &pki().ca,
             .not_after =
                 std::chrono::duration_cast<std::chrono::seconds>(last.time_since_epoch()).count(),
             .answers_ocsp = true});
  auto options = about_the_leaf();
  options.signer = &responder;
  options.holds_signer = true;
  CHECK(with_staple(ocsp_response(options))->staple_until() == last);
}

TEST_CASE("times that are none are refused") {
  for (const std::string time :
       {"20260101000000", "2026010100000Z", "20260101000000.5Z", "20261301000000Z",
        "20260230000000Z", "20260101240000Z", "20260101006000Z", "2026010100000aZ", "",
        "20260101000000+0000", "-0260101000000Z"}) {
    auto options = about_the_leaf();
    options.this_update = time;
    CHECK(fault_of(ocsp_response(options)) ==
          "staple.der is no OCSP response in DER, or is damaged: not sent");
  }
  auto options = about_the_leaf();
  options.next_update = "99991231235959Z";
  CHECK(fault_of(ocsp_response(options)).empty());
}

TEST_CASE("a staple whose time is not now is warned of") {
  const auto loaded = with_staple(ocsp_response(about_the_leaf()));
  const auto said = [&](std::chrono::sys_seconds now) {
    const auto warnings = loaded->warnings(now);
    return warnings.empty() ? "" : warnings[0].substr(warnings[0].find("staple.der"));
  };
  CHECK(said(at(kFrom) - std::chrono::seconds(1)) ==
        "staple.der does not hold before 2026-01-01 00:00 UTC: not sent until then");
  CHECK(said(at(kFrom)).empty());
  CHECK(said(at(kUntil) - std::chrono::seconds(1)).empty());
  CHECK(said(at(kUntil)) == "staple.der has expired on 2026-01-08 00:00 UTC: not sent");
}

TEST_CASE("without its issuer in the chain a staple cannot be checked, so it is not taken") {
  const auto loaded = with_staple(ocsp_response(about_the_leaf()), pki().leaf, "");
  CHECK_FALSE(loaded->staple_until());
  const auto warnings = loaded->warnings(at(kFrom));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("staple.der cannot be checked: the certificate's issuer is not in ") !=
        std::string::npos);
}

TEST_CASE("a staple that is not there is a warning") {
  const Folder folder;
  tls::CredentialFiles files;
  files.chain = folder.file("chain.pem", pki().leaf.certificate());
  files.key = folder.file("key.pem", pki().leaf.key());
  files.staple = (folder.path / "missing").string();
  const auto loaded = Credentials::load(files);
  REQUIRE(loaded.ok());
  CHECK((*loaded)->warnings(at(kFrom)) ==
        std::vector<std::string>{"cannot read " + files.staple +
                                 ": No such file or directory: not sent"});
}

TEST_CASE("a certificate that demands a staple is warned of when there is none") {
  const auto leaf =
      pki().of_ca({.common_name = "must", .dns_names = {"mail.example.com"}, .needs_staple = true});
  CHECK(
      with_staple(ocsp_response({.issuer = &pki().ca, .leaf = &leaf}), leaf, pki().ca.certificate())
          ->warnings(at(kFrom))
          .empty());
  const auto without = with_staple("", leaf, pki().ca.certificate())->warnings(at(kFrom));
  REQUIRE(without.size() == 2);
  CHECK(without[1].find("(CN = must) demands a staple, and there is none to be sent") !=
        std::string::npos);
}

TEST_CASE("a staple is sent to a client that asks, while it holds and no longer") {
  const auto version = GENERATE(0x0303, 0x0304);
  const auto staple = ocsp_response(about_the_leaf());
  std::chrono::sys_seconds now = at(kFrom, 1);
  tls::ServerOptions server;
  server.credentials = {with_staple(staple), throwaway({"other.example.com"})};
  server.now = [&now] { return now.time_since_epoch(); };
  const auto context = context_of(server);
  TlsClientOptions asks;
  asks.min_version = asks.max_version = static_cast<std::uint16_t>(version);
  asks.asks_for_staple = true;
  const auto sent = [&](const TlsClientOptions& options) {
    const Connection connection(context, options);
    REQUIRE(connection.client.connected());
    return connection.client.staple();
  };
  CHECK(sent(asks) == staple);
  auto does_not_ask = asks;
  does_not_ask.asks_for_staple = false;
  CHECK(sent(does_not_ask).empty());
  // It belongs to one certificate.
  auto to_other = asks;
  to_other.server_name = "other.example.com";
  CHECK(sent(to_other).empty());

  now = at(kUntil) - std::chrono::seconds(1);
  CHECK(sent(asks) == staple);
  now = at(kUntil);
  CHECK(sent(asks).empty());
  now = at(kFrom) - std::chrono::seconds(1);
  CHECK(sent(asks).empty());
  now = at(kFrom);
  CHECK(sent(asks) == staple);

  server.now = nullptr;
  const Connection without_clock(context_of(server), asks);
  CHECK(without_clock.client.staple().empty());
}

}  // namespace postern::test
