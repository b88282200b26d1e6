// Who is served by the name that it asks for.
#include <catch2/catch.hpp>

#include "test/support/certificates.h"
#include "test/tls/connection.h"

namespace postern::test {

using State = tls::Engine::State;
using tls::Failure;

namespace {

std::shared_ptr<const tls::Credentials> credentials_for(const std::string& common_name,
                                                        const std::vector<std::string>& names) {
  IssueOptions options;
  options.common_name = common_name;
  options.dns_names = names;
  const auto issued = issue(options);
  return *tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
}

// A context of three certificates, one of them for any name of a domain.
std::shared_ptr<const tls::ServerContext> three(bool is_strict,
                                                tls::Version highest = tls::Version::tls1_3) {
  static const std::vector<std::shared_ptr<const tls::Credentials>> credentials = {
      credentials_for("first", {"mail.example.com", "imap.example.com"}),
      credentials_for("wild", {"*.example.net"}),
      credentials_for("nameless.example.org", {}),
  };
  tls::ServerOptions options;
  options.credentials = credentials;
  options.min_version = tls::Version::tls1_0;
  options.max_version = highest;
  options.sni_strict = is_strict;
  return context_of(options);
}

}  // namespace

TEST_CASE("where SNI is strict a name of no certificate is refused, and any of theirs is served") {
  struct Row {
    std::string name;
    bool is_served;
  };
  const std::vector<Row> rows = {
      {"mail.example.com", true},
      {"IMAP.Example.COM", true},
      {"mail.example.com.", true},
      {"pop.example.net.", true},
      {"pop.example.net", true},
      {"nameless.example.org", true},
      {"", true},  // asks for none
      {"www.example.com", false},
      {"example.net", false},
      {"a.b.example.net", false},
      {"mail.example.com.evil", false},
      {"*.example.net", true},  // as it stands in the certificate
      {"first", false},
      {"localhost", false},
  };
  for (const auto version : {0x0301, 0x0303, 0x0304}) {
    for (const auto& [name, is_served] : rows) {
      INFO(name << " with " << version);
      TlsClientOptions options;
      options.min_version = options.max_version = static_cast<std::uint16_t>(version);
      options.server_name = name;
      CHECK(Connection(three(false), options).engine.state() == State::open);
      const Connection connection(three(true), options);
      if (is_served) {
        CHECK(connection.engine.state() == State::open);
        continue;
      }
      CHECK(connection.engine.failure() == Failure::sni_refused);
      CHECK(connection.client.error() == "TLSV1_ALERT_UNRECOGNIZED_NAME");
      REQUIRE(connection.engine.offer() != nullptr);
      CHECK(connection.engine.offer()->server_name == name);
    }
  }
}

TEST_CASE("before TLS 1.3 a session resumes under the name only that it began under") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0301, 0x0303, 0x0304);
  const auto highest = GENERATE(tls::Version::tls1_2, tls::Version::tls1_3);
  if (version == 0x0304 && highest == tls::Version::tls1_2) return;
  const auto context = three(false, highest);
  const std::vector<std::string> names = {"", "mail.example.com", "imap.example.com",
                                          "pop.example.net"};
  for (const auto& from : names) {
    TlsClientOptions options;
    options.min_version = version;
    // A client of TLS 1.3, too, gets TLS 1.2 where there is no more.
    options.max_version = highest == tls::Version::tls1_2 ? 0x0304 : version;
    options.server_name = from;
    Connection connection(context, options);
    connection.to_client("250 OK\r\n");
    options.session = connection.client.session();
    REQUIRE(options.session != nullptr);
    for (const auto& to : names) {
      INFO(from << " to " << to << " with " << connection.client.version());
      options.server_name = to;
      const Connection again(context, options);
      REQUIRE(again.engine.state() == State::open);
      CHECK(again.engine.facts().resumed == (from == to || connection.client.version() == 0x0304));
    }
    options.server_name = from + ".";
    CHECK((from.empty() || Connection(context, options).engine.facts().resumed));
  }
}

TEST_CASE("a session does not resume under a name that is refused") {
  TlsClientOptions options;
  options.max_version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  options.server_name = "mail.example.com";
  const auto context = three(true);
  Connection connection(context, options);
  connection.to_client("250 OK\r\n");
  options.session = connection.client.session();
  REQUIRE(options.session != nullptr);
  CHECK(Connection(context, options).engine.facts().resumed);
  options.server_name = "www.example.com";
  CHECK(Connection(context, options).engine.failure() == Failure::sni_refused);
}

}  // namespace postern::test
