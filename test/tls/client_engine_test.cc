// TLS towards a server: whom it takes for the one that is expected, and what it says of others; what
// it resumes; and what passes.
#include "tls/client_engine.h"

#include <malloc.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "test/support/heap_bound.h"
#include "test/tls/client_connection.h"

using namespace postern;
using namespace postern::test;
using State = tls::ClientEngine::State;

namespace {

constexpr long long kExpired = 1'710'000'000;  // 2024-03-09
constexpr long long kFuture = 1'999'000'000;   // 2033-05-06

const Issued& ca() {
  static const auto issued = issue({.common_name = "House CA", .is_ca = true});
  return issued;
}

std::shared_ptr<const tls::ClientContext> client_of(tls::ClientOptions options) {
  if (options.name.empty()) options.name = "mail.example.com";
  return *tls::ClientContext::make(options);
}

std::shared_ptr<const tls::ClientContext> trusting_client(const std::string& name = {}) {
  return client_of({.name = name, .trust = trust_in(ca())});
}

Issued leaf_for(const std::vector<std::string>& names, IssueOptions options = {}) {
  options.common_name = "leaf";
  options.dns_names = names;
  options.issuer = &ca();
  return issue(options);
}

// A server of the versions between these two.
std::shared_ptr<const tls::ServerContext> server_until(tls::Version highest) {
  static const auto leaf = leaf_for({"mail.example.com"});
  tls::ServerOptions options;
  options.max_version = highest;
  if (highest < tls::Version::tls1_2) options.min_version = tls::Version::tls1_0;
  return server_of(leaf, {}, options);
}

tls::Pin pin_of(const Issued& leaf) {
  const ClientConnection connection(client_of({}), server_of(leaf));
  return connection.client.certificate().pin;
}

}  // namespace

TEST_CASE("a server is taken for the one expected by its name, its CA and the date") {
  struct Case {
    std::string what;
    std::string expected;  // name
    std::vector<std::string> names;
    IssueOptions leaf;
    std::string fault;  // ""
  };
  const std::vector<Case> cases = {
      {"the name itself", "mail.example.com", {"mail.example.com"}, {}, ""},
      {"in any case", "Mail.Example.COM", {"mail.example.com"}, {}, ""},
      {"one of several", "mail.example.com", {"a.example.com", "mail.example.com"}, {}, ""},
      {"a wildcard", "mail.example.com", {"*.example.com"}, {}, ""},
      {"a wildcard for one label only",
       "a.mail.example.com",
       {"*.example.com"},
       {},
       "the certificate is for *.example.com, not for a.mail.example.com"},
      {"a wildcard for a whole label only",
       "mail.example.com",
       {"m*.example.com"},
       {},
       "the certificate is for m*.example.com, not for mail.example.com"},
      {"another name",
       "mail.example.com",
       {"www.example.com", "example.com"},
       {},
       "the certificate is for www.example.com, example.com, not for mail.example.com"},
      {"a long list",
       "x",
       {"1.a", "2.a", "3.a", "4.a", "5.a", "6.a", "7.a"},
       {},
       "the certificate is for 1.a, 2.a, 3.a, 4.a, 5.a and 2 more, not for x"},
      {"an address", "192.0.2.1", {"192.0.2.1"}, {}, ""},
      {"an IPv6 address, however written", "2001:db8:0::1", {"2001:db8::1"}, {}, ""},
      {"another address",
       "192.0.2.2",
       {"192.0.2.1", "mail.example.com"},
       {},
       "the certificate is for 192.0.2.1, mail.example.com, not for 192.0.2.2"},
      {"an address is no name",
       "192.0.2.1",
       {"192.0.2.1.example.com"},
       {},
       "the certificate is for 192.0.2.1.example.com, not for 192.0.2.1"},
      {"a number that is a name is no address",
       "192.0.2.1",
       {"DNS:192.0.2.1", "192.0.2.2"},
       {},
       "the certificate is for DNS:192.0.2.1, 192.0.2.2, not for 192.0.2.1"},
      {"an expired one",
       "mail.example.com",
       {"mail.example.com"},
       {.not_after = kExpired},
       "the certificate expired on 2024-03-09"},
      {"one of the future",
       "mail.example.com",
       {"mail.example.com"},
       {.not_before = kFuture},
       "the certificate is not valid before 2033-05-06"},
      {"RSA", "mail.example.com", {"mail.example.com"}, {.kind = KeyKind::rsa}, ""},
  };
  for (const auto& one : cases) {
    INFO(one.what);
    const auto leaf = leaf_for(one.names, one.leaf);
    const ClientConnection connection(trusting_client(one.expected), server_of(leaf));
    CHECK(connection.client.failure_text() == one.fault);
    if (one.fault.empty()) {
      CHECK(connection.client.state() == State::open);
    } else {
      CHECK(connection.client.failure() == tls::ClientFailure::certificate);
      // It hears of it, too.
      CHECK(connection.server.failure() == tls::Failure::peer_alert);
    }
  }
}

TEST_CASE("a server's CA is the one that is trusted, directly or by others between") {
  const auto stranger = issue({.common_name = "Strange CA", .is_ca = true});
  const auto between = issue({.common_name = "Between", .issuer = &ca(), .is_ca = true});
  const auto make = [](const Issued* issuer) {
    return issue({.common_name = "leaf", .dns_names = {"mail.example.com"}, .issuer = issuer});
  };
  SECTION("a chain") {
    const ClientConnection connection(trusting_client(),
                                      server_of(make(&between), between.certificate()));
    CHECK(connection.client.failure_text().empty());
    CHECK(connection.client.state() == State::open);
  }
  SECTION("a chain with a hole") {
    const ClientConnection connection(trusting_client(), server_of(make(&between)));
    CHECK(connection.client.failure_text() == "the certificate's CA is unknown (CN = Between)");
  }
  SECTION("the one between is trusted itself") {
    const ClientConnection connection(client_of({.trust = trust_in(between)}),
                                      server_of(make(&between)));
    CHECK(connection.client.state() == State::open);
  }
  SECTION("a stranger") {
    const ClientConnection connection(trusting_client(),
                                      server_of(make(&stranger), stranger.certificate()));
    CHECK(connection.client.failure_text() == "the certificate's CA is unknown (CN = Strange CA)");
  }
  SECTION("one that is no CA") {
    const auto no_ca = leaf_for({"other.example.com"});
    const ClientConnection connection(trusting_client(),
                                      server_of(make(&no_ca), no_ca.certificate()));
    CHECK(connection.client.failure() == tls::ClientFailure::certificate);
  }
  SECTION("self-signed") {
    const auto leaf = make(nullptr);
    const ClientConnection refused(trusting_client(), server_of(leaf));
    CHECK(refused.client.failure_text() ==
          "the certificate is self-signed (CN = leaf), and not trusted; its pin: " +
              tls::text_of(pin_of(leaf)));
    const ClientConnection trusted(client_of({.trust = trust_in(leaf)}), server_of(leaf));
    CHECK(trusted.client.failure_text().empty());
    CHECK(trusted.client.state() == State::open);
  }
}

TEST_CASE("a pinned key stands for CA, name and date, unless a CA is asked for as well") {
  const auto leaf = issue({.common_name = "old box", .not_after = kExpired});
  const auto other = issue({.common_name = "other"});
  const auto pin = pin_of(leaf);
  const auto wrong = pin_of(other);
  REQUIRE(pin != wrong);
  const auto server = server_of(leaf);
  CHECK(ClientConnection(client_of({.pins = {pin}}), server).client.state() == State::open);
  CHECK(ClientConnection(client_of({.pins = {wrong, pin}}), server).client.state() == State::open);
  const ClientConnection mismatch(client_of({.pins = {wrong}}), server);
  CHECK(mismatch.client.failure() == tls::ClientFailure::certificate);
  CHECK(mismatch.client.failure_text() == "its key is not a pinned one but " + tls::text_of(pin));
  const ClientConnection both(client_of({.trust = trust_in(leaf), .pins = {pin}}), server);
  CHECK(both.client.failure_text() ==
        "the certificate is for CN = old box, not for "
        "mail.example.com");
  const ClientConnection wrong_key(client_of({.trust = trust_in(leaf), .pins = {wrong}}), server);
  CHECK(wrong_key.client.failure_text().starts_with("its key is not a pinned one"));
}

TEST_CASE("an RSA certificate that may not sign is refused by its key usage, in words") {
  const auto leaf = leaf_for({"mail.example.com"}, {.kind = KeyKind::rsa, .may_sign = false});
  for (const auto highest : {tls::Version::tls1_2, tls::Version::tls1_3}) {
    tls::ServerOptions options;
    options.max_version = highest;
    const ClientConnection connection(trusting_client(), server_of(leaf, {}, options));
    CHECK(connection.client.state() == State::failed);
    CHECK(connection.client.failure_text() ==
          "the certificate's keyUsage does not allow signing (digitalSignature), as TLS needs it");
  }
}

TEST_CASE("who expects nobody takes anybody") {
  const auto leaf = issue({.common_name = "x", .not_after = kExpired});
  const ClientConnection connection(client_of({}), server_of(leaf));
  CHECK(connection.client.state() == State::open);
}

TEST_CASE("a host's name is sent as SNI, an address is not") {
  const auto leaf = leaf_for({"mail.example.com", "192.0.2.1"});
  const ClientConnection by_name(trusting_client(), server_of(leaf));
  CHECK(by_name.server.facts().server_name == "mail.example.com");
  const ClientConnection by_address(trusting_client("192.0.2.1"), server_of(leaf));
  CHECK(by_address.client.state() == State::open);
  CHECK(by_address.server.facts().server_name.empty());
}

TEST_CASE("what is said passes both ways, however it is cut, until each side ends") {
  const auto highest = GENERATE(tls::Version::tls1_2, tls::Version::tls1_3);
  for (const auto& cut : {Cut(whole), Cut(byte_by_byte)}) {
    ClientConnection connection(trusting_client(), server_until(highest), cut);
    REQUIRE(connection.client.state() == State::open);
    const auto& facts = connection.client.facts();
    CHECK(facts.version == (highest == tls::Version::tls1_2 ? "1.2" : "1.3"));
    CHECK(facts.version == connection.server.facts().version);
    CHECK(facts.cipher == connection.server.facts().cipher);
    CHECK(facts.curve == connection.server.facts().curve);
    const std::string large(100'000, 'x');
    connection.server_says("* OK ready\r\n");
    connection.server_says(large);
    connection.client_says("a LOGIN\r\n");
    CHECK(connection.client_heard.view() == "* OK ready\r\n" + large);
    CHECK(connection.server_heard.view() == "a LOGIN\r\n");
    connection.server.close(connection.from_server);
    connection.pump();
    CHECK(connection.client.state() == State::ended);
    connection.client_says("bye");
    CHECK(connection.server_heard.view() == "a LOGIN\r\nbye");
    connection.client.close(connection.from_client);
    connection.pump();
    CHECK(connection.server.state() == tls::Engine::State::ended);
  }
}

TEST_CASE("a server that cannot be spoken to is told apart") {
  SECTION("it is too old") {
    const ClientConnection connection(trusting_client(), server_until(tls::Version::tls1_1));
    CHECK(connection.client.failure() == tls::ClientFailure::handshake);
    CHECK(connection.client.failure_text() ==
          "the server refused with the alert: protocol version");
  }
  SECTION("it speaks in clear") {
    tls::ClientEngine client(trusting_client());
    std::string output;
    tls::Octets plain;
    client.start(output);
    CHECK(output.front() == '\x16');
    CHECK(client.receive("* OK ready\r\n", plain, output) == State::failed);
    CHECK(client.failure() == tls::ClientFailure::not_tls);
    CHECK(plain.empty());
  }
  SECTION("a record is damaged on its way") {
    ClientConnection connection(trusting_client(), server_until(tls::Version::tls1_3));
    connection.server.seal("* OK", connection.from_server);
    connection.from_server.back() ^= 1;
    connection.pump();
    CHECK(connection.client.state() == State::failed);
    CHECK(connection.client.failure() == tls::ClientFailure::broken);
    CHECK(connection.client_heard.empty());
    CHECK_FALSE(connection.server.failure() == tls::Failure::none);
  }
}

TEST_CASE("a TLS session is resumed, with no certificate judged again") {
  const auto highest = GENERATE(tls::Version::tls1_2, tls::Version::tls1_3);
  const auto server = server_until(highest);
  const auto context = trusting_client();
  const auto meet = [&] {
    ClientConnection connection(context, server);
    connection.server_says("* OK");  // TLS 1.3: the ticket comes with it
    REQUIRE(connection.client.state() == State::open);
    REQUIRE(connection.client.facts().resumed == connection.server.facts().resumed);
    return connection.client.facts().resumed;
  };
  CHECK_FALSE(meet());
  CHECK(meet());
  CHECK(meet());
  // A ticket of TLS 1.3 serves once: two at a time need two.
  ClientConnection first(context, server);
  ClientConnection second(context, server);
  CHECK(first.client.facts().resumed);
  CHECK(second.client.facts().resumed == (highest == tls::Version::tls1_2));
}

TEST_CASE("a server that cannot resume a TLS session is offered none of those that are kept") {
  const auto highest = GENERATE(tls::Version::tls1_2, tls::Version::tls1_3);
  const auto server = server_until(highest);
  const auto context = trusting_client();
  {
    ClientConnection first(context, server);
    ClientConnection second(context, server);
    first.server_says("* OK");  // TLS 1.3: the ticket comes with it
    second.server_says("* OK");
  }
  REQUIRE(context->kept_sessions() >= (highest == tls::Version::tls1_2 ? 1 : 2));
  const std::string fatal("\x15\x03\x03\x00\x02\x02\x28", 7);  // handshake_failure
  std::string output;
  tls::Octets plain;
  {
    tls::ClientEngine engine(context);
    engine.start(output);
    SECTION("it answers with an alert") { engine.receive(fatal, plain, output); }
    SECTION("or with what is no TLS") { engine.receive("* OK", plain, output); }
    SECTION("or hangs up") {}
  }
  CHECK(context->kept_sessions() == 0);
  ClientConnection again(context, server);
  again.server_says("* OK");
  CHECK(again.client.state() == State::open);
  CHECK_FALSE(again.client.facts().resumed);
  if (highest > tls::Version::tls1_2) return;
  // One that breaks later on is not resumed, either; one that ends is.
  {
    ClientConnection resumed(context, server);
    CHECK(resumed.client.facts().resumed);
  }
  CHECK(context->kept_sessions() == 1);
  {
    ClientConnection resumed(context, server);
    resumed.client.receive("* clear text", plain, output);
    CHECK(resumed.client.state() == State::failed);
  }
  CHECK(context->kept_sessions() == 0);
}

TEST_CASE("sessions are kept up to a bound, and each context has its own") {
  const auto server = server_until(tls::Version::tls1_3);
  const auto context = trusting_client();
  std::vector<std::unique_ptr<ClientConnection>> open;
  for (std::size_t i = 0; i < tls::ClientContext::kMostSessions + 8; ++i) {
    open.push_back(std::make_unique<ClientConnection>(context, server));
  }
  CHECK(context->kept_sessions() == 0);
  for (auto& one : open) one->server_says("* OK");
  CHECK(context->kept_sessions() == tls::ClientContext::kMostSessions);
  CHECK_FALSE(ClientConnection(trusting_client(), server).client.facts().resumed);
}

TEST_CASE("a session is not resumed once its certificate has expired") {
  const auto server = server_until(tls::Version::tls1_3);
  auto now = std::make_shared<std::chrono::system_clock::time_point>();
  const auto context = client_of({.trust = trust_in(ca()), .now = [now] { return *now; }});
  const auto end = std::chrono::system_clock::time_point(std::chrono::seconds(2'000'000'000));
  for (const auto after : {std::chrono::seconds(-1), std::chrono::seconds(1)}) {
    *now = {};
    ClientConnection(context, server).server_says("* OK");
    REQUIRE(context->kept_sessions() > 0);
    *now = end + after;
    CHECK(ClientConnection(context, server).client.facts().resumed == (after.count() < 0));
  }
}

TEST_CASE("a list of CAs that cannot be used is refused with a reason") {
  const auto fault = [](std::string_view pem) {
    const auto trust = tls::Trust::parse(pem, "ca.pem");
    return trust ? std::string() : trust.error().message;
  };
  CHECK(fault("") == "no certificate in ca.pem");
  CHECK(fault(ca().key()) == "no certificate in ca.pem");
  CHECK(fault("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n") ==
        "certificate 1 in ca.pem is damaged, or no X.509 certificate");
  CHECK(fault(std::string(tls::Trust::kMaxFile + 1, ' ')) ==
        "ca.pem is too large for a list of CAs (over 4 MiB)");
  const auto twice = tls::Trust::parse(ca().certificate() + ca().certificate(), "ca.pem");
  REQUIRE(twice);
  CHECK((*twice)->size() == 2);
  const auto missing = tls::Trust::load("/nonexistent/ca.pem");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == "cannot read /nonexistent/ca.pem: No such file or directory");
  CHECK_FALSE(tls::ClientContext::make({.name = "a b"}));
  CHECK_FALSE(tls::ClientContext::make({.name = ""}));
}

#if defined(__GLIBC__) && !defined(POSTERN_SANITIZED)
TEST_CASE("an idle client's engine holds little") {
  constexpr std::size_t kEngines = 100;
  constexpr std::size_t kMost =
      heap_bound(8000);  // with its server's, in the test's hands: half of it
  const auto highest = GENERATE(tls::Version::tls1_2, tls::Version::tls1_3);
  const auto server = server_until(highest);
  const auto context = trusting_client();
  std::vector<std::unique_ptr<ClientConnection>> all;
  for (std::size_t i = 0; i < kEngines; ++i) {
    auto& one = *all.emplace_back(std::make_unique<ClientConnection>(context, server));
    one.server_says("* OK");
    one.client_heard = {};
    one.server_heard = {};
    one.from_client.shrink_to_fit();
    one.from_server.shrink_to_fit();
  }
  const auto before = mallinfo2().uordblks;
  all.clear();
  const auto each = (before - mallinfo2().uordblks) / kEngines;
  WARN("octets of a client's engine and its server's: " << each);
  CHECK(each < kMost);
}
#endif
