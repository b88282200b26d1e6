// Clients below the lowest version that a context serves: refused, or let in to be told.
#include <catch2/catch.hpp>
#include <chrono>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "test/tls/hello.h"

namespace postern::test {

using State = tls::Engine::State;
using tls::Engine;
using tls::Failure;
using tls::OldVersions;
using tls::ServerContext;
using tls::ServerOptions;
using tls::TicketKeys;
using tls::Version;

namespace {

ServerOptions accepting(Version min = Version::tls1_2) {
  ServerOptions options;
  options.min_version = min;
  options.old_versions = OldVersions::accept;
  return options;
}

TlsClientOptions only(std::uint16_t version, const std::string& ciphers = {}) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  options.ciphers = ciphers;
  return options;
}

// What an engine makes of bytes that come in one piece.
struct Outcome {
  Outcome(const ServerOptions& options, const std::string& bytes) : engine(context_of(options)) {
    engine.receive(bytes, plain, output);
  }
  Engine engine;
  tls::Octets plain;
  std::string output;
};

// A hello that a server of TLS 1.0 would take.
Hello old_hello(std::uint16_t version) {
  Hello hello;
  hello.version = version;
  hello.ciphers = {0xc009};
  hello.groups({29});
  return hello;
}

// The end of a ServerHello's random (RFC 8446 section 4.1.3).
std::string sentinel_of(const std::string& answer) {
  constexpr std::size_t kRandom = 5 + 4 + 2;  // behind the record's and the message's header
  REQUIRE(answer.size() > kRandom + 32);
  REQUIRE(answer[0] == 22);
  REQUIRE(answer[5] == 2);
  return answer.substr(kRandom + 24, 8);
}

std::shared_ptr<const ServerContext> with_keys(ServerOptions options) {
  static const auto keys = std::make_shared<TicketKeys>(
      std::chrono::hours(1), [] { return std::chrono::seconds(1'000'000); });
  options.ticket_keys = keys;
  return context_of(options);
}

TlsSessionPtr session_of(const std::shared_ptr<const ServerContext>& context,
                         const TlsClientOptions& options) {
  Connection connection(context, options);
  REQUIRE(connection.engine.state() == State::open);
  connection.to_client("250 OK\r\n");
  REQUIRE(connection.client.session() != nullptr);
  return connection.client.session();
}

bool resumes(const std::shared_ptr<const ServerContext>& context, TlsClientOptions options,
             TlsSessionPtr session) {
  options.session = std::move(session);
  const Connection connection(context, options);
  return connection.engine.state() == State::open && connection.engine.facts().resumed;
}

}  // namespace

TEST_CASE("a client of an old version is let in to be told, and known by it") {
  struct Row {
    Version min;
    std::uint16_t version;
    const char* text;
  };
  const auto row =
      GENERATE(Row{Version::tls1_1, 0x0301, "1.0"}, Row{Version::tls1_2, 0x0301, "1.0"},
               Row{Version::tls1_2, 0x0302, "1.1"}, Row{Version::tls1_3, 0x0301, "1.0"},
               Row{Version::tls1_3, 0x0303, "1.2"});
  auto options = accepting(row.min);
  Connection connection(context_of(options), only(row.version));
  INFO(row.text << " " << connection.engine.failure_text());
  REQUIRE(connection.engine.state() == State::open);
  CHECK(connection.engine.facts().version == row.text);
  CHECK(connection.engine.facts().is_below_minimum);
  connection.to_client("421 4.7.66 mail.example.com TLS 1.0 is not supported\r\n");
  CHECK(connection.client.take_received() ==
        "421 4.7.66 mail.example.com TLS 1.0 is not supported\r\n");

  options.old_versions = OldVersions::refuse;
  CHECK(Connection(context_of(options), only(row.version)).engine.failure() ==
        Failure::no_shared_version);
}

TEST_CASE("a client of old versions takes its best, with forward secrecy, or fails") {
  TlsClientOptions options;
  options.max_version = 0x0302;
  CHECK(Connection(context_of(accepting()), options).engine.facts().version == "1.1");
  struct Row {
    const char* suite;
    bool served;
  };
  for (const auto& row : std::vector<Row>{{"ECDHE-ECDSA-AES128-SHA", true},
                                          {"ECDHE-ECDSA-AES256-SHA", true},
                                          {"AES128-SHA", false},
                                          {"DES-CBC3-SHA", false}}) {
    INFO(row.suite);
    const Connection connection(context_of(accepting()), only(0x0301, row.suite));
    CHECK((connection.engine.state() == State::open) == row.served);
  }
  // Among what TLS 1.2 has, AEAD first.
  CHECK(Connection(context_of(accepting(Version::tls1_3)), only(0x0303)).engine.facts().cipher ==
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

TEST_CASE("for a client that can do the lowest version nothing is weaker") {
  const auto old_versions = GENERATE(OldVersions::refuse, OldVersions::accept);
  auto options = accepting();
  options.old_versions = old_versions;
  const auto context = context_of(options);

  TlsClientOptions all;  // TLS 1.0 to 1.3
  CHECK(Connection(context, all).engine.facts().version == "1.3");
  all.max_version = 0x0303;
  const Connection twelve(context, all);
  CHECK(twelve.engine.facts().version == "1.2");
  CHECK(twelve.engine.facts().cipher == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  CHECK_FALSE(twelve.engine.facts().is_below_minimum);

  // CBC alone, with TLS 1.2 as the best or only version.
  all.ciphers = "ECDHE-ECDSA-AES128-SHA";
  CHECK(Connection(context, all).engine.failure() == Failure::no_shared_cipher);
  CHECK(Connection(context, only(0x0303, "ECDHE-ECDSA-AES128-SHA")).engine.failure() ==
        Failure::no_shared_cipher);

  // A newer version than ours does not make its other ones old.
  auto narrow = options;
  narrow.max_version = Version::tls1_2;
  const Outcome newer(narrow, old_hello(0x0303).versions({0x0304, 0x0301}).record());
  CHECK(newer.engine.failure() == Failure::no_shared_version);
  const Outcome draft(narrow, old_hello(0x0303).versions({0x7f1c, 0x0301}).record());
  CHECK(draft.engine.failure() == Failure::no_shared_version);
}

TEST_CASE("the list of versions decides who is old, where there is one, without its GREASE") {
  const auto offers_old = [](const std::vector<std::uint16_t>& versions) {
    const Outcome outcome(accepting(), old_hello(0x0303).versions(versions).record());
    return outcome.engine.state() == State::handshaking;
  };
  CHECK(offers_old({0x0301}));
  CHECK(offers_old({0x5a5a, 0x0302, 0x0301}));
  CHECK_FALSE(offers_old({0x5a5a}));
  CHECK_FALSE(offers_old({0x0300}));
  CHECK_FALSE(offers_old({}));
  CHECK_FALSE(offers_old({0x0303, 0x0301}));  // and CBC alone
}

TEST_CASE("SSL 3.0 is nothing that can be told anything") {
  const Outcome outcome(accepting(), old_hello(0x0300).record());
  CHECK(outcome.engine.failure() == Failure::no_shared_version);
}

TEST_CASE("a server that let an old version in says that it can do more") {
  const std::string below12("DOWNGRD\0", 8);
  const std::string at12("DOWNGRD\1", 8);
  CHECK(sentinel_of(Outcome(accepting(), old_hello(0x0301).record()).output) == below12);
  CHECK(sentinel_of(Outcome(accepting(), old_hello(0x0302).record()).output) == below12);
  auto twelve = old_hello(0x0303);
  twelve.ciphers = {0xc02b};
  twelve.algorithms({0x0403});
  CHECK(sentinel_of(Outcome(accepting(Version::tls1_3), twelve.record()).output) == at12);
}

TEST_CASE("a client that fell back by itself is told so, not let in") {
  auto hello = old_hello(0x0301);
  hello.ciphers.push_back(0x5600);  // RFC 7507
  const Outcome outcome(accepting(), hello.record());
  CHECK(outcome.engine.state() == State::failed);
  CHECK(outcome.engine.failure_text() == "INAPPROPRIATE_FALLBACK");
  REQUIRE(outcome.output.size() == 7);
  CHECK(outcome.output[6] == 86);
}

TEST_CASE("an old session resumes only where its version is as old, and let in") {
  const auto old = only(0x0301);
  const auto session = session_of(with_keys(accepting()), old);
  CHECK(resumes(with_keys(accepting()), old, session));
  CHECK_FALSE(resumes(with_keys(accepting(Version::tls1_1)), old, session));
  CHECK_FALSE(resumes(with_keys(accepting(Version::tls1_0)), old, session));
  CHECK_FALSE(resumes(with_keys(accepting(Version::tls1_3)), old, session));
  ServerOptions refusing;
  CHECK_FALSE(resumes(with_keys(refusing), old, session));
  // And none from where it is no old one.
  CHECK_FALSE(
      resumes(with_keys(accepting()), old, session_of(with_keys(accepting(Version::tls1_0)), old)));
}

TEST_CASE("a session of TLS 1.2 that was let in for its words resumes nowhere else") {
  const auto twelve = only(0x0303);
  const auto told = session_of(with_keys(accepting(Version::tls1_3)), twelve);
  CHECK_FALSE(resumes(with_keys(accepting()), twelve, told));
  CHECK(resumes(with_keys(accepting(Version::tls1_3)), twelve, told));
}

TEST_CASE("sessions of clients that can do the lowest version resume whatever befalls old ones") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const auto client = only(version);
  ServerOptions refusing;
  CHECK(resumes(with_keys(accepting()), client, session_of(with_keys(refusing), client)));
  CHECK(resumes(with_keys(refusing), client, session_of(with_keys(accepting()), client)));
}

}  // namespace postern::test
