// A ClientHello of which nothing is served, and that is left for another server to answer.
#include <catch2/catch.hpp>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "test/tls/hello.h"

namespace postern::test {

using tls::Engine;
using tls::Failure;
using State = Engine::State;

namespace {

constexpr std::uint16_t kFallback = 0x5600;

Hello modern() {
  Hello hello;
  hello.ciphers = {0xc02b};
  hello.groups({0x001d, 0x0017}).algorithms({0x0403, 0x0804});
  return hello;
}

Hello ssl3() {
  Hello hello;
  hello.version = 0x0300;
  hello.ciphers = {0x0004, 0x0005, 0x000a};
  return hello;
}

// RC4 and DHE alone, of TLS 1.2.
Hello dhe_only() {
  auto hello = modern();
  hello.ciphers = {0x009e, 0x0067, 0x0005};
  return hello;
}

// No group, no ECDHE: RFC 8422 section 4 leaves the choice to the server, BoringSSL takes none.
Hello no_group() {
  Hello hello;
  hello.ciphers = {0xc02b};
  return hello.algorithms({0x0403});
}

Hello tls13_of_foreign_groups() {
  Hello hello;
  hello.ciphers = {0x1301};
  return hello.versions({0x0304}).groups({0x0100}).algorithms({0x0403}).extension(
      0x0033, std::string("\0\0", 2));
}

struct Judged {
  explicit Judged(const std::string& bytes, std::size_t piece = SIZE_MAX,
                  tls::ServerOptions options = {})
      : engine(context_of(std::move(options))) {
    engine.leave_unanswered();
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
      engine.receive(bytes.substr(at, piece), plain, output);
    }
  }
  Engine engine;
  tls::Octets plain;
  std::string output;
};

}  // namespace

TEST_CASE("a hello that shares nothing is left unanswered, however it is cut") {
  const auto hello = GENERATE(ssl3(), dhe_only(), no_group(), tls13_of_foreign_groups());
  for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{7}}) {
    const Judged judged(hello.record(), piece);
    REQUIRE(judged.engine.state() == State::failed);
    REQUIRE(judged.engine.is_unanswered());
    REQUIRE(judged.output.empty());
    REQUIRE((judged.engine.failure() == Failure::no_shared_version ||
             judged.engine.failure() == Failure::no_shared_cipher));
    REQUIRE(judged.engine.offer()->ciphers == hello.ciphers);
  }
}

TEST_CASE("without being asked to, an engine answers all of them") {
  for (const auto& hello : {ssl3(), dhe_only()}) {
    for (const bool changes_its_mind : {false, true}) {
      Engine engine(context_of());
      if (changes_its_mind) {
        engine.leave_unanswered();
        engine.answer_all();
      }
      tls::Octets plain;
      std::string output;
      engine.receive(hello.record(), plain, output);
      REQUIRE(engine.state() == State::failed);
      REQUIRE_FALSE(engine.is_unanswered());
      REQUIRE(output.size() == 7);
    }
  }
}

TEST_CASE("a version below min_version is left unanswered, too") {
  auto hello = modern();
  hello.version = 0x0302;
  hello.ciphers = {0xc009};
  REQUIRE(Judged(hello.record()).engine.is_unanswered());
  tls::ServerOptions options;
  options.min_version = tls::Version::tls1_0;
  const Judged served(hello.record(), SIZE_MAX, options);
  REQUIRE(served.engine.state() == State::handshaking);
  REQUIRE(served.output.size() > 100);
}

TEST_CASE("a key that the client cannot use is nothing shared") {
  tls::ServerOptions options;
  const auto issued = issue({.common_name = "mail.example.com", .kind = KeyKind::rsa});
  options.credentials = {
      *tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key")};
  REQUIRE(Judged(modern().record(), SIZE_MAX, options).engine.is_unanswered());
}

TEST_CASE("whoever could do better, speaks another protocol or none gets its alert") {
  auto fallback = ssl3();
  fallback.ciphers.push_back(kFallback);
  auto browser = dhe_only();
  browser.alpn({"h2", "http/1.1"});
  auto broken = ssl3().record();
  broken[broken.size() - 1] = 5;  // more compression methods than there are octets
  broken[broken.size() - 2] = 5;
  tls::ServerOptions options;
  options.alpn = "imap";
  for (const auto& bytes : {fallback.record(), browser.record(), broken}) {
    const Judged judged(bytes, SIZE_MAX, options);
    REQUIRE(judged.engine.state() == State::failed);
    REQUIRE_FALSE(judged.engine.is_unanswered());
    REQUIRE(judged.output.size() == 7);
  }
  auto ours = dhe_only();
  ours.alpn({"imap"});
  REQUIRE(Judged(ours.record(), SIZE_MAX, options).engine.is_unanswered());
}

TEST_CASE("behind a first answer nothing is taken back") {
  Hello first;
  first.ciphers = {0x1301};
  first.versions({0x0304})
      .groups({0x0100, 0x0017})
      .algorithms({0x0403})
      .extension(
          0x0033,
          std::string("\0\0", 2));  // a group in common, but no share for it: HelloRetryRequest
  Judged judged(first.record());
  REQUIRE(judged.engine.state() == State::handshaking);
  REQUIRE_FALSE(judged.output.empty());
  const auto before = judged.output.size();
  judged.engine.receive(tls13_of_foreign_groups().record(), judged.plain, judged.output);
  REQUIRE(judged.engine.state() == State::failed);
  REQUIRE_FALSE(judged.engine.is_unanswered());
  REQUIRE(judged.output.size() > before);
}

TEST_CASE("a client that is served is served the same") {
  for (const auto version : std::vector<std::uint16_t>{0x0303, 0x0304}) {
    TlsClientOptions options;
    options.min_version = options.max_version = version;
    Engine engine(context_of());
    engine.leave_unanswered();
    TlsClient client(options);
    tls::Octets plain;
    client.receive("");
    for (int flight = 0; flight < 3; ++flight) {
      std::string output;
      engine.receive(client.take_output(), plain, output);
      client.receive(output);
    }
    REQUIRE(client.connected());
    REQUIRE_FALSE(engine.is_unanswered());
  }
}

}  // namespace postern::test
