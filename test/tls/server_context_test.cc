// What a context decides: suites, certificates by SNI, ALPN, resumption; and what it refuses.
#include "tls/server_context.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "tls/alpn.h"

namespace postern::test {

using namespace std::chrono_literals;
using State = tls::Engine::State;
using tls::AlpnMode;
using tls::AlpnVerdict;
using tls::Credentials;
using tls::Failure;
using tls::judge_alpn;
using tls::OldVersions;
using tls::ServerContext;
using tls::ServerOptions;
using tls::TicketKeys;
using tls::Version;

namespace {

using CredentialsPtr = std::shared_ptr<const Credentials>;

CredentialsPtr credentials_of(const Issued& issued) {
  return *Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
}

CredentialsPtr credentials_for(const std::string& common_name,
                               const std::vector<std::string>& names,
                               KeyKind kind = KeyKind::p256) {
  IssueOptions options;
  options.common_name = common_name;
  options.dns_names = names;
  options.kind = kind;
  return credentials_of(issue(options));
}

// A clock that a test sets.
struct Clock {
  std::shared_ptr<std::chrono::seconds> now = std::make_shared<std::chrono::seconds>(1'000'000s);
  std::function<std::chrono::seconds()> reader() const {
    return [at = now] { return *at; };
  }
};

constexpr auto kRotate = 3600s;

struct Issuer {  // of contexts that share their keys
  Clock clock;
  std::shared_ptr<const TicketKeys> keys = std::make_shared<TicketKeys>(kRotate, clock.reader());

  std::shared_ptr<const ServerContext> context(const std::string& scope,
                                               Version min = Version::tls1_2) const {
    ServerOptions options;
    options.resumption_scope = scope;
    options.ticket_keys = keys;
    options.min_version = min;
    return context_of(options);
  }
};

// A full handshake with data both ways, and the ticket that the client got of it.
TlsSessionPtr session_of(const std::shared_ptr<const ServerContext>& context,
                         const TlsClientOptions& options) {
  Connection connection(context, options);
  REQUIRE(connection.engine.state() == State::open);
  REQUIRE_FALSE(connection.engine.facts().resumed);
  connection.to_client("250 OK\r\n");
  REQUIRE(connection.client.session() != nullptr);
  return connection.client.session();
}

bool resumes(const std::shared_ptr<const ServerContext>& context, TlsClientOptions options,
             TlsSessionPtr session) {
  options.session = std::move(session);
  Connection connection(context, options);
  REQUIRE(connection.engine.state() == State::open);
  REQUIRE(connection.client.connected());
  const bool resumed = connection.engine.facts().resumed;
  CHECK(connection.client.resumed() == resumed);
  CHECK_FALSE(connection.engine.facts().cipher.empty());
  CHECK(connection.engine.facts().curve == "X25519");
  connection.to_server("EHLO client.example.com\r\n");
  CHECK(connection.plain == "EHLO client.example.com\r\n");
  return resumed;
}

TlsClientOptions only(std::uint16_t version) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  return options;
}

std::string subject_for(const std::shared_ptr<const ServerContext>& context,
                        const std::string& server_name, TlsClientOptions options = {}) {
  options.server_name = server_name;
  Connection connection(context, options);
  INFO(server_name << ": " << connection.engine.failure_text());
  REQUIRE(connection.engine.state() == State::open);
  return connection.client.server_subject();
}

std::shared_ptr<const ServerContext> context_with(std::vector<CredentialsPtr> credentials) {
  ServerOptions options;
  options.credentials = std::move(credentials);
  return context_of(options);
}

}  // namespace

TEST_CASE("a session resumes on another context of the same keys and scope") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0301, 0x0302, 0x0303, 0x0304);
  const Issuer issuer;
  const auto options = only(version);
  const auto session = session_of(issuer.context("imap", Version::tls1_0), options);
  CHECK(resumes(issuer.context("imap", Version::tls1_0), options, session));
}

TEST_CASE("a session does not resume in another scope, with other keys or other suites") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const Issuer issuer;
  const auto options = only(version);
  const auto session = session_of(issuer.context("imap"), options);
  CHECK_FALSE(resumes(issuer.context("pop3"), options, session));
  CHECK_FALSE(resumes(issuer.context(""), options, session));
  CHECK_FALSE(resumes(Issuer().context("imap"), options, session));
  CHECK_FALSE(resumes(issuer.context("imap", Version::tls1_0), options, session));
  CHECK(resumes(issuer.context("imap"), options, session));
}

TEST_CASE("a session resumes until its key is two rotations old") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const Issuer issuer;
  const auto context = issuer.context("imap");
  const auto options = only(version);
  const auto start = *issuer.clock.now;
  const auto session = session_of(context, options);
  *issuer.clock.now = start + kRotate;
  CHECK(resumes(context, options, session));
  *issuer.clock.now = start + 2 * kRotate;
  CHECK_FALSE(resumes(context, options, session));
  *issuer.clock.now = start - kRotate;  // the clock was set back
  CHECK(resumes(context, options, session));
  *issuer.clock.now = start - 2 * kRotate;
  CHECK_FALSE(resumes(context, options, session));
}

TEST_CASE("a ticket says that it is good for as long as its key opens at least") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const Issuer issuer;
  Connection connection(issuer.context("imap"), only(version));
  connection.to_client("250 OK\r\n");
  CHECK(connection.client.ticket_lifetime() == kRotate.count());
}

TEST_CASE(
    "a session in use goes on with the new tickets of TLS 1.3, one of TLS 1.2 ends with its") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const Issuer issuer;
  const auto context = issuer.context("imap");
  auto options = only(version);
  const auto session = options.session = session_of(context, options);
  *issuer.clock.now += kRotate;
  Connection connection(context, options);
  REQUIRE(connection.engine.facts().resumed);
  connection.to_client("250 OK\r\n");
  const auto renewed = connection.client.session();
  *issuer.clock.now += kRotate;
  CHECK_FALSE(resumes(context, options, session));
  CHECK((renewed != nullptr) == (version == 0x0304));
  CHECK((renewed == nullptr || resumes(context, options, renewed)));
}

TEST_CASE("without ticket keys a session resumes with its own context only") {
  const auto context = context_of();
  const auto session = session_of(context, {});
  CHECK(resumes(context, {}, session));
  CHECK_FALSE(resumes(context_of(), {}, session));
}

TEST_CASE("engines of one context work on several threads at once") {
  const Issuer issuer;
  const auto context = issuer.context("imap");
  std::vector<std::thread> threads;
  std::array<int, 2> resumed{};
  for (auto& count : resumed) {
    threads.emplace_back([&count, context] {
      TlsClientOptions options;
      for (int i = 0; i < 20; ++i) {
        Connection connection(context, options);
        connection.to_client("x");
        count += connection.engine.facts().resumed ? 1 : 0;
        options.session = connection.client.session();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(resumed == std::array<int, 2>{19, 19});
}

TEST_CASE("a certificate is chosen by its exact name, then by a wildcard, then the default") {
  const auto context = context_with({
      credentials_for("default", {"mail.example.com"}),
      credentials_for("wild", {"*.example.com", "example.org"}),
      credentials_for("exact", {"IMAP.example.com"}),
      credentials_for("same-again", {"imap.example.com"}),
      credentials_for("name-only.example.net", {}),
  });
  CHECK(subject_for(context, "") == "CN = default");
  CHECK(subject_for(context, "mail.example.com") == "CN = default");
  CHECK(subject_for(context, "imap.example.com") == "CN = exact");
  CHECK(subject_for(context, "Imap.Example.Com") == "CN = exact");
  CHECK(subject_for(context, "pop.example.com") == "CN = wild");
  CHECK(subject_for(context, "example.org") == "CN = wild");
  CHECK(subject_for(context, "a.b.example.com") == "CN = default");
  CHECK(subject_for(context, "example.com") == "CN = default");
  CHECK(subject_for(context, "elsewhere.example.net") == "CN = default");
  CHECK(subject_for(context, "name-only.example.net") == "CN = name-only.example.net");
}

TEST_CASE("of several certificates for a name a client gets ECDSA where it can, else RSA") {
  const auto rsa = credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa);
  const auto p256 = credentials_for("p256", {"mail.example.com"}, KeyKind::p256);
  const auto other = credentials_for("other", {"other.example.com"}, KeyKind::p256);
  ServerOptions server;
  server.min_version = Version::tls1_0;
  server.credentials = GENERATE_COPY(std::vector<CredentialsPtr>{rsa, p256, other},
                                     std::vector<CredentialsPtr>{p256, other, rsa});
  const auto context = context_of(server);
  const auto name = GENERATE(as<std::string>{}, "mail.example.com", "");

  CHECK(subject_for(context, name) == "CN = p256");
  CHECK(subject_for(context, name, only(0x0304)) == "CN = p256");
  CHECK(subject_for(context, name, only(0x0303)) == "CN = p256");
  CHECK(subject_for(context, name, only(0x0301)) == "CN = p256");

  auto options = only(0x0303);
  options.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
  CHECK(subject_for(context, name, options) == "CN = rsa");
  options.ciphers = "ECDHE-RSA-AES128-SHA";
  CHECK(subject_for(context, name, options) == "CN = rsa");
  for (const auto version : {0x0303, 0x0304}) {
    options = only(static_cast<std::uint16_t>(version));
    options.algorithms = "RSA-PSS+SHA256:RSA+SHA256";
    CHECK(subject_for(context, name, options) == "CN = rsa");
  }
  options = only(0x0303);
  options.groups = "X25519";  // not the certificate's curve
  CHECK(subject_for(context, name, options) == "CN = rsa");
  options = only(0x0301);
  options.ciphers = "ECDHE-RSA-AES128-SHA";
  CHECK(subject_for(context, name, options) == "CN = rsa");
}

// Seen by testssl.sh and sslscan: RSA was never reached by who offered ECDSA with CBC too.
TEST_CASE("an ECDSA suite that is not served leaves the client to RSA") {
  ServerOptions server;
  server.credentials = {credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa),
                        credentials_for("p256", {"mail.example.com"}, KeyKind::p256)};
  auto options = only(0x0303);
  options.ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256";
  CHECK(subject_for(context_of(server), "", options) == "CN = rsa");
  options.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
  CHECK(subject_for(context_of(server), "", options) == "CN = p256");

  options = only(0x0301);
  options.ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA";
  server.old_versions = OldVersions::accept;
  CHECK(subject_for(context_of(server), "", options) == "CN = p256");
  server.old_versions = OldVersions::refuse;
  server.min_version = Version::tls1_0;
  CHECK(subject_for(context_of(server), "", options) == "CN = p256");
}

TEST_CASE("no CBC suite is taken for the sake of an ECDSA key") {
  ServerOptions server;
  server.profile = tls::Profile::island;
  server.min_version = Version::tls1_0;
  server.credentials = {credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa),
                        credentials_for("p256", {"mail.example.com"}, KeyKind::p256)};
  struct Row {
    const char* ciphers;
    std::uint16_t version;
    const char* subject;
  };
  for (const auto& row : std::vector<Row>{
           {"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", 0x0303, "CN = rsa"},
           {"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA", 0x0303, "CN = p256"},
           {"ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256", 0x0303, "CN = p256"},
           {"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", 0x0302, "CN = p256"},
           {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", 0x0303, "CN = p256"},
       }) {
    INFO(row.ciphers << " in " << row.version);
    auto options = only(row.version);
    options.ciphers = row.ciphers;
    CHECK(subject_for(context_of(server), "", options) == row.subject);
  }
  server.credentials = {server.credentials.back()};  // with nothing else it must do
  auto options = only(0x0303);
  options.ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256";
  CHECK(subject_for(context_of(server), "", options) == "CN = p256");
}

TEST_CASE("who cannot use the key for its name gets the next that it can") {
  const auto exact = credentials_for("exact", {"mail.example.com"}, KeyKind::p256);
  const auto wild = credentials_for("wild", {"*.example.com"}, KeyKind::rsa);
  const auto first = credentials_for("first", {"example.org"}, KeyKind::p256);
  const auto other = credentials_for("other", {"example.net"}, KeyKind::rsa);
  const auto exact_rsa = credentials_for("exact rsa", {"imap.example.com"}, KeyKind::rsa);
  const auto wild_p256 = credentials_for("wild p256", {"*.example.com"}, KeyKind::p256);
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  auto rsa = only(version);
  rsa.algorithms = "RSA-PSS+SHA256:RSA+SHA256";
  auto ecdsa = only(version);
  ecdsa.algorithms = "ECDSA+SHA256";
  const auto either = only(version);
  struct Row {
    std::vector<CredentialsPtr> credentials;
    const char* name;
    const TlsClientOptions& client;
    const char* subject;
  };
  for (const auto& row : std::vector<Row>{
           {{first, exact, wild}, "mail.example.com", rsa, "CN = wild"},
           {{first, exact, wild}, "mail.example.com", ecdsa, "CN = exact"},
           {{first, exact, other}, "mail.example.com", rsa, "CN = other"},
           {{other, first, exact}, "mail.example.com", rsa, "CN = other"},
           {{first, other}, "", rsa, "CN = other"},
           {{first, other}, "example.org", rsa, "CN = other"},
           {{other, exact_rsa, wild_p256}, "imap.example.com", ecdsa, "CN = wild p256"},
           {{other, exact_rsa, wild_p256}, "imap.example.com", rsa, "CN = exact rsa"},
           {{other, exact_rsa, wild_p256}, "imap.example.com", either, "CN = exact rsa"},
           {{exact_rsa, first}, "imap.example.com", ecdsa, "CN = first"},
       }) {
    INFO(row.name << " for " << row.subject);
    CHECK(subject_for(context_with(row.credentials), row.name, row.client) == row.subject);
  }
  // In TLS 1.3 the key's own curve need not be among the client's groups.
  auto other_curve = only(0x0304);
  other_curve.groups = "X25519";
  CHECK(subject_for(context_with({other, exact, wild}), "mail.example.com", other_curve) ==
        "CN = exact");
  // None can be used: the failure is that of the key for the name.
  Connection connection(context_with({first, exact}), rsa);
  CHECK(connection.engine.failure() == tls::Failure::no_shared_cipher);
}

TEST_CASE("certificates of other kinds serve the clients that can use them") {
  const auto kind = GENERATE(KeyKind::p384, KeyKind::ed25519);
  const auto context = context_with({credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa),
                                     credentials_for("rare", {"mail.example.com"}, kind)});
  TlsClientOptions options;
  options.algorithms =
      kind == KeyKind::p384 ? "ECDSA+SHA384:RSA-PSS+SHA256" : "ed25519:RSA-PSS+SHA256";
  CHECK(subject_for(context, "mail.example.com", options) == "CN = rare");
  options.algorithms = "ECDSA+SHA256:RSA-PSS+SHA256";
  CHECK(subject_for(context, "mail.example.com", options) == "CN = rsa");
}

TEST_CASE("a client older than Ed25519 gets the RSA certificate beside it") {
  ServerOptions server;
  server.min_version = Version::tls1_0;
  server.credentials = {credentials_for("edwards", {"mail.example.com"}, KeyKind::ed25519),
                        credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa)};
  const auto version = GENERATE(0x0301, 0x0302);
  CHECK(subject_for(context_of(server), "mail.example.com",
                    only(static_cast<std::uint16_t>(version))) == "CN = rsa");
}

TEST_CASE("only suites with forward secrecy are served, and CBC only below TLS 1.2") {
  ServerOptions modern;
  modern.credentials = {credentials_for("rsa", {"mail.example.com"}, KeyKind::rsa)};
  auto legacy = modern;
  legacy.min_version = Version::tls1_0;
  struct Row {
    const char* suite;
    bool modern;
    bool legacy;
  };
  for (const auto& row : std::vector<Row>{
           {"ECDHE-RSA-AES128-GCM-SHA256", true, true},
           {"ECDHE-RSA-AES256-GCM-SHA384", true, true},
           {"ECDHE-RSA-CHACHA20-POLY1305", true, true},
           {"ECDHE-RSA-AES128-SHA", false, true},
           {"ECDHE-RSA-AES256-SHA", false, true},
           {"AES128-GCM-SHA256", false, false},
           {"AES128-SHA", false, false},
           {"AES256-SHA", false, false},
       }) {
    INFO(row.suite);
    auto options = only(0x0303);
    options.ciphers = row.suite;
    CHECK((Connection(context_of(modern), options).engine.state() == State::open) == row.modern);
    CHECK((Connection(context_of(legacy), options).engine.state() == State::open) == row.legacy);
  }
}

TEST_CASE("the server's order of suites decides, not the client's") {
  auto options = only(0x0303);
  options.ciphers =
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  CHECK(Connection(context_of(), options).engine.facts().cipher ==
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  options.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384";
  CHECK(Connection(context_of(), options).engine.facts().cipher ==
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
}

TEST_CASE("versions outside the bounds are refused") {
  ServerOptions options;
  options.max_version = Version::tls1_2;
  CHECK(Connection(context_of(options), only(0x0304)).engine.failure() ==
        Failure::no_shared_version);
  CHECK(Connection(context_of(options)).engine.facts().version == "1.2");
  options.min_version = options.max_version = Version::tls1_3;
  CHECK(Connection(context_of(options), only(0x0303)).engine.failure() ==
        Failure::no_shared_version);
  options.min_version = Version::tls1_1;
  CHECK(Connection(context_of(options), only(0x0301)).engine.failure() ==
        Failure::no_shared_version);
  CHECK(Connection(context_of(options), only(0x0302)).engine.facts().version == "1.1");
}

TEST_CASE("ALPN answers with our protocol, goes on with unknown ones, refuses known others") {
  struct Row {
    std::vector<std::string> offered;
    std::string ours;
    AlpnVerdict strict;
  };
  const auto answer = AlpnVerdict::answer_ours;
  const auto go_on = AlpnVerdict::go_on_without;
  const auto refuse = AlpnVerdict::refuse;
  const std::string grease = "\x1a\x1a";
  for (const auto& row : std::vector<Row>{
           {{"imap"}, "imap", answer},
           {{"h2", "imap"}, "imap", answer},
           {{"unknown", "imap"}, "imap", answer},
           {{"IMAP"}, "imap", go_on},
           {{"unknown"}, "imap", go_on},
           {{"h2", "unknown"}, "imap", go_on},
           {{"h2", "http/1.1"}, "imap", refuse},
           {{"h3"}, "pop3", refuse},
           {{"imap"}, "pop3", refuse},
           {{"pop3"}, "imap", refuse},
           {{"managesieve"}, "imap", refuse},
           {{"imap"}, "", refuse},
           {{"http/1.1"}, "", refuse},
           {{"smtp"}, "", go_on},
           {{grease, "h2"}, "imap", refuse},
           {{grease}, "imap", go_on},
           {{"zz"}, "imap", go_on},
       }) {
    INFO(row.offered.front() << " for " << row.ours);
    CHECK(judge_alpn(row.offered, row.ours, AlpnMode::strict) == row.strict);
    CHECK(judge_alpn(row.offered, row.ours, AlpnMode::off) ==
          (row.strict == answer ? answer : go_on));

    ServerOptions server;
    server.alpn = row.ours;
    TlsClientOptions options;
    options.alpn = row.offered;
    for (const auto version : {0x0303, 0x0304}) {
      options.max_version = static_cast<std::uint16_t>(version);
      const Connection connection(context_of(server), options);
      if (row.strict == refuse) {
        CHECK(connection.engine.failure() == Failure::alpn_refused);
        CHECK(connection.client.error() == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
      } else {
        REQUIRE(connection.engine.state() == State::open);
        CHECK(connection.engine.facts().alpn == (row.strict == answer ? row.ours : ""));
        CHECK(connection.client.alpn() == connection.engine.facts().alpn);
      }
    }
  }
}

TEST_CASE("with ALPN off a client of another protocol goes on without") {
  ServerOptions server;
  server.alpn = "imap";
  server.alpn_strict = false;
  TlsClientOptions options;
  options.alpn = {"h2"};
  const Connection connection(context_of(server), options);
  CHECK(connection.engine.state() == State::open);
  CHECK(connection.client.alpn().empty());
}

TEST_CASE("a context that cannot be made says why") {
  ServerOptions options;
  CHECK(ServerContext::make(options).error().message == "TLS needs a certificate");

  options.credentials = {throwaway({"mail.example.com"})};
  options.min_version = Version::tls1_3;
  options.max_version = Version::tls1_2;
  CHECK(ServerContext::make(options).error().message ==
        "the lowest TLS version is above the highest");
}

TEST_CASE("the library names itself with its version") {
  CHECK_THAT(tls::library_version(),
             Catch::Matchers::Matches("BoringSSL API [1-9][0-9]+ with .*X25519 P-256 P-384"));
}

}  // namespace postern::test
