// Clients' certificates: which are taken, what is known of them, and that no session carries one past a
// demand that has changed.
#include "tls/client_certificate.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "test/support/certificates.h"
#include "test/tls/connection.h"

namespace postern::test {

using State = tls::Engine::State;
using tls::ClientAuthority;
using tls::ClientCertificates;
using tls::Failure;

namespace {

using AuthorityPtr = std::shared_ptr<const ClientAuthority>;

long long now() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
}

Issued authority_named(const std::string& name, const Issued* issuer = nullptr) {
  return issue({.common_name = name, .issuer = issuer, .is_ca = true});
}

// Those that most tests share: an authority, one below it, and one that nobody trusts.
const Issued& root() {
  static const Issued made = authority_named("House Root");
  return made;
}
const Issued& middle() {
  static const Issued made = authority_named("House Staff", &root());
  return made;
}
const Issued& stranger() {
  static const Issued made = authority_named("Stranger");
  return made;
}

AuthorityPtr trusting(const std::string& certificates, const std::string& lists = {}) {
  auto made = ClientAuthority::parse(certificates, "people.pem", lists, "people.crl");
  INFO((made ? "" : made.error().message));
  REQUIRE(made);
  return *made;
}

// What a client shows.
struct Shown {
  std::string chain;
  std::string key;
};

Shown shown(const Issued& leaf, const std::string& more = {}) {
  return {leaf.certificate() + more, leaf.key()};
}

IssueOptions person(const Issued& issuer = root()) {
  IssueOptions options;
  options.common_name = "anna";
  options.dns_names = {"anna@example.com", "pc7.example.com", "192.0.2.7"};
  options.issuer = &issuer;
  options.purpose = "clientAuth";
  options.serial = 41;
  return options;
}

std::shared_ptr<const tls::TicketKeys> shared_keys() {
  static const auto keys = std::make_shared<tls::TicketKeys>(
      std::chrono::hours(12), [] { return std::chrono::seconds(now()); });
  return keys;
}

std::shared_ptr<const tls::ServerContext> context_for(ClientCertificates demand,
                                                      AuthorityPtr authority) {
  tls::ServerOptions options;
  options.client_certificates = demand;
  options.client_authority = std::move(authority);
  options.ticket_keys = shared_keys();
  return context_of(options);
}

TlsClientOptions client_with(const Shown& shown, std::uint16_t version) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  options.chain = shown.chain;
  options.key = shown.key;
  return options;
}

// The ticket of a full handshake.
TlsSessionPtr session_of(const std::shared_ptr<const tls::ServerContext>& context,
                         const TlsClientOptions& options) {
  Connection connection(context, options);
  INFO(connection.engine.failure_text());
  REQUIRE(connection.engine.state() == State::open);
  connection.to_client("250 OK\r\n");
  REQUIRE(connection.client.session() != nullptr);
  return connection.client.session();
}

bool resumes(const std::shared_ptr<const tls::ServerContext>& context, TlsClientOptions options,
             TlsSessionPtr session) {
  options.session = std::move(session);
  const Connection connection(context, options);
  INFO(connection.engine.failure_text());
  REQUIRE(connection.engine.state() == State::open);
  return connection.engine.facts().resumed;
}

}  // namespace

TEST_CASE("each client's chain is taken or refused for its own reason, with its alert") {
  const auto other = authority_named("House Root");  // of the same name
  auto expired = person();
  expired.not_after = now() - 10;
  auto early = person();
  early.not_before = now() + 100'000;
  auto server = person();
  server.purpose = "serverAuth";
  auto plain = person();
  plain.purpose = "";
  auto revoked = person();
  revoked.serial = 42;
  auto rsa = person();
  rsa.kind = KeyKind::rsa;
  auto edwards = person();
  edwards.kind = KeyKind::ed25519;
  IssueOptions by_itself;
  by_itself.common_name = "root";
  const auto old_middle =
      issue({.common_name = "Old", .issuer = &root(), .is_ca = true, .not_after = now() - 10});
  const auto no_authority = issue({.common_name = "Clerk", .issuer = &root()});

  struct Row {
    const char* name;
    Shown shown;
    Failure failure = Failure::none;
    const char* alert = "";
  };
  const auto with_middle = middle().certificate();
  const std::vector<Row> rows = {
      {"good", shown(issue(person()))},
      {"good, and no purpose is stated", shown(issue(plain))},
      {"good, RSA", shown(issue(rsa))},
      {"good, Ed25519", shown(issue(edwards))},
      {"good, by one between", shown(issue(person(middle())), with_middle)},
      {"good, with the root and one that is of no use",
       shown(issue(person(middle())),
             stranger().certificate() + with_middle + root().certificate())},
      {"expired", shown(issue(expired)), Failure::client_certificate_expired,
       "SSLV3_ALERT_CERTIFICATE_EXPIRED"},
      {"not yet valid", shown(issue(early)), Failure::client_certificate_not_yet_valid,
       "SSLV3_ALERT_CERTIFICATE_EXPIRED"},
      {"of an authority that is over", shown(issue(person(old_middle)), old_middle.certificate()),
       Failure::client_certificate_expired, "SSLV3_ALERT_CERTIFICATE_EXPIRED"},
      {"of another authority", shown(issue(person(stranger())), stranger().certificate()),
       Failure::client_certificate_unknown_ca, "TLSV1_ALERT_UNKNOWN_CA"},
      {"of another authority with this one's name", shown(issue(person(other))),
       Failure::client_certificate_invalid, "SSLV3_ALERT_BAD_CERTIFICATE"},
      {"the one between is missing", shown(issue(person(middle()))),
       Failure::client_certificate_unknown_ca, "TLSV1_ALERT_UNKNOWN_CA"},
      {"signed by itself", shown(issue(by_itself)), Failure::client_certificate_unknown_ca,
       "TLSV1_ALERT_UNKNOWN_CA"},
      {"signed by one that is no authority",
       shown(issue(person(no_authority)), no_authority.certificate()),
       Failure::client_certificate_invalid, "SSLV3_ALERT_BAD_CERTIFICATE"},
      {"one for servers", shown(issue(server)), Failure::client_certificate_wrong_purpose,
       "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"},
      {"revoked", shown(issue(revoked)), Failure::client_certificate_revoked,
       "SSLV3_ALERT_CERTIFICATE_REVOKED"},
  };
  const auto authority =
      trusting(root().certificate(),
               revocations(root(), {42}) + revocations(middle(), {}) + revocations(old_middle, {}));
  for (const auto demand : {ClientCertificates::request, ClientCertificates::require}) {
    const auto context = context_for(demand, authority);
    for (const auto version : {0x0303, 0x0304}) {
      for (const auto& row : rows) {
        INFO(row.name << ", " << version);
        const Connection connection(context,
                                    client_with(row.shown, static_cast<std::uint16_t>(version)));
        CHECK(connection.engine.failure() == row.failure);
        CHECK(connection.client.error() == row.alert);
        CHECK(connection.client.requested_authorities() == 1);
        const bool is_good = row.failure == Failure::none;
        CHECK((connection.engine.state() == State::open) == is_good);
        // Of one that was refused the event tells, too.
        REQUIRE(connection.engine.facts().client_certificate != nullptr);
        CHECK(connection.engine.facts().client_certificate->sha256.size() == 64);
      }
    }
  }
}

// Told by BoringSSL itself: in TLS 1.3 before the certificate is judged, in TLS 1.2 behind that.
TEST_CASE("a certificate whose key may not sign is one of another purpose") {
  auto options = person();
  options.kind = KeyKind::rsa;
  options.may_sign = false;
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const Connection connection(
      context_for(ClientCertificates::request, trusting(root().certificate())),
      client_with(shown(issue(options)), version));
  CHECK(connection.engine.failure() == Failure::client_certificate_wrong_purpose);
  CHECK(connection.engine.failure_text() == "KEY_USAGE_BIT_INCORRECT");
}

TEST_CASE("no certificate is good where one is requested, and has its alert where it is required") {
  const auto authority = trusting(root().certificate());
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  const auto options = client_with({}, version);
  const Connection requested(context_for(ClientCertificates::request, authority), options);
  CHECK(requested.engine.state() == State::open);
  CHECK(requested.engine.facts().client_certificate == nullptr);
  const Connection required(context_for(ClientCertificates::require, authority), options);
  CHECK(required.engine.failure() == Failure::client_certificate_missing);
  CHECK(required.engine.facts().client_certificate == nullptr);
  CHECK(required.client.error() ==
        (version == 0x0303 ? "SSLV3_ALERT_HANDSHAKE_FAILURE" : "TLSV1_ALERT_CERTIFICATE_REQUIRED"));
  const Connection not_asked(context_for(ClientCertificates::none, nullptr),
                             client_with(shown(issue(person())), version));
  CHECK(not_asked.engine.state() == State::open);
  CHECK(not_asked.engine.facts().client_certificate == nullptr);
}

TEST_CASE("what a certificate says is known, resumed or not") {
  const auto options =
      client_with(shown(issue(person())), GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto context = context_for(ClientCertificates::request, trusting(root().certificate()));
  auto again = options;
  again.session = session_of(context, options);
  for (const auto& each : {options, again}) {
    const Connection connection(context, each);
    CHECK(connection.engine.facts().resumed == (each.session != nullptr));
    const auto& certificate = connection.engine.facts().client_certificate;
    REQUIRE(certificate != nullptr);
    CHECK(certificate->subject == "CN=anna");
    CHECK(certificate->issuer == "CN=House Root");
    CHECK(certificate->names ==
          std::vector<std::string>{"anna@example.com", "pc7.example.com", "192.0.2.7"});
    CHECK(certificate->sha256.find_first_not_of("0123456789ABCDEF") == std::string::npos);
  }
}

TEST_CASE("what a certificate says is bounded, whatever it says") {
  auto options = person();
  options.common_name = "\xc3\xa9,\"\n" + std::string(50, 'x');
  options.dns_names.clear();
  for (int i = 0; i < 40; ++i)
    options.dns_names.push_back(std::string(400, 'y') + std::to_string(i));
  const Connection connection(
      context_for(ClientCertificates::request, trusting(root().certificate())),
      client_with(shown(issue(options)), 0x0304));
  const auto& certificate = connection.engine.facts().client_certificate;
  REQUIRE(certificate != nullptr);
  CHECK(certificate->subject == "CN=\xc3\xa9\\,\\\"\\0A" + std::string(50, 'x'));
  CHECK(certificate->names == std::vector<std::string>(8, std::string(256, 'y')));
}

TEST_CASE("a chain that is too long, or too large, is refused before it is looked at") {
  const auto context = context_for(ClientCertificates::request, trusting(root().certificate()));
  std::vector<Issued> chain = {root()};
  for (int i = 0; i < 50; ++i) {
    chain.push_back(authority_named("level " + std::to_string(i), &chain.back()));
  }
  std::string more;
  for (std::size_t i = chain.size() - 1; i > 0; --i) more += chain[i].certificate();
  const auto leaf = issue(person(chain.back()));
  const Connection deep(context, client_with(shown(leaf, more), 0x0304));
  CHECK(deep.engine.failure() == Failure::client_certificate_invalid);
  CHECK(deep.client.error() == "SSLV3_ALERT_BAD_CERTIFICATE");

  // Nine between are within what is sent, and more than a chain may have.
  std::vector<Issued> levels(chain.begin(), chain.begin() + 10);
  more.clear();
  for (std::size_t i = levels.size() - 1; i > 0; --i) more += levels[i].certificate();
  const Connection long_one(context,
                            client_with(shown(issue(person(levels.back())), more), 0x0304));
  CHECK(long_one.engine.state() == State::failed);

  auto large = person();
  large.dns_names.assign(400, std::string(100, 'z'));
  const Connection huge(context, client_with(shown(issue(large)), 0x0304));
  CHECK(huge.engine.state() == State::failed);
  CHECK(huge.engine.failure_text() == "EXCESSIVE_MESSAGE_SIZE");
}

TEST_CASE("an authority that is no root is trusted by itself, and so is one certificate") {
  const Connection by_middle(
      context_for(ClientCertificates::require, trusting(middle().certificate())),
      client_with(shown(issue(person(middle()))), 0x0304));
  CHECK(by_middle.engine.state() == State::open);
  const auto printer = issue({.common_name = "printer"});
  const Connection by_itself(
      context_for(ClientCertificates::require, trusting(printer.certificate())),
      client_with(shown(printer), 0x0304));
  CHECK(by_itself.engine.state() == State::open);
}

TEST_CASE("with lists of revocations there must be a valid one of each authority") {
  const auto good = revocations(root(), {});
  struct Row {
    const char* name;
    std::string lists;
    Failure failure = Failure::none;
  };
  const auto through_middle = shown(issue(person(middle())), middle().certificate());
  const std::vector<Row> rows = {
      {"both", good + revocations(middle(), {})},
      {"the leaf's is missing", good, Failure::client_certificate_no_crl},
      {"the one between has none about it", revocations(middle(), {}),
       Failure::client_certificate_no_crl},
      {"one is over", good + revocations(middle(), {}, now() - 10),
       Failure::client_certificate_no_crl},
      {"signed by another of its name", good + revocations(authority_named("House Staff"), {}),
       Failure::client_certificate_no_crl},
      {"the one between is revoked", revocations(root(), {7}) + revocations(middle(), {}),
       Failure::client_certificate_revoked},
      {"the leaf is revoked", good + revocations(middle(), {40, 41, 42}),
       Failure::client_certificate_revoked},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const Connection connection(
        context_for(ClientCertificates::request, trusting(root().certificate(), row.lists)),
        client_with(through_middle, 0x0304));
    CHECK(connection.engine.failure() == row.failure);
  }
  // What is trusted by itself needs none of whoever is above it.
  const Connection direct(context_for(ClientCertificates::request,
                                      trusting(middle().certificate(), revocations(middle(), {}))),
                          client_with(shown(issue(person(middle()))), 0x0304));
  CHECK(direct.engine.state() == State::open);
}

TEST_CASE("no session resumes across another demand, other authorities or other revocations") {
  const auto options =
      client_with(shown(issue(person())), GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto house = root().certificate();
  const auto none = revocations(root(), {});
  struct Row {
    const char* name;
    ClientCertificates demand;
    AuthorityPtr authority;
  };
  const std::vector<Row> rows = {
      {"none", ClientCertificates::none, nullptr},
      {"request", ClientCertificates::request, trusting(house)},
      {"require", ClientCertificates::require, trusting(house)},
      {"one more authority", ClientCertificates::request,
       trusting(house + stranger().certificate())},
      {"with revocations", ClientCertificates::request, trusting(house, none)},
      {"with a new list", ClientCertificates::request, trusting(house, revocations(root(), {99}))},
  };
  for (const auto& from : rows) {
    const auto session = session_of(context_for(from.demand, from.authority), options);
    for (const auto& to : rows) {
      INFO(from.name << " to " << to.name);
      CHECK(resumes(context_for(to.demand, to.authority), options, session) == (&from == &to));
    }
  }
  // Their order is none.
  const auto session =
      session_of(context_for(ClientCertificates::request, rows[3].authority), options);
  CHECK(
      resumes(context_for(ClientCertificates::request, trusting(stranger().certificate() + house)),
              options, session));
}

TEST_CASE("who is revoked since does not come back with its old session") {
  const auto options =
      client_with(shown(issue(person())), GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto house = root().certificate();
  auto again = options;
  again.session = session_of(
      context_for(ClientCertificates::require, trusting(house, revocations(root(), {}))), options);
  const Connection connection(
      context_for(ClientCertificates::require, trusting(house, revocations(root(), {41}))), again);
  CHECK(connection.engine.failure() == Failure::client_certificate_revoked);
}

TEST_CASE("a ticket ends with the first certificate or list that it rests on") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  constexpr long long kSoon = 600;
  constexpr long long kLate = 100'000'000;
  constexpr long long kDay = 24 * 3600;  // behind its first ticket's own end
  auto soon = person();
  soon.not_after = now() + kSoon;
  auto later = person();
  later.not_after = now() + kDay;
  const auto brief =
      issue({.common_name = "Brief", .issuer = &root(), .is_ca = true, .not_after = now() + kSoon});
  const auto house = root().certificate();
  struct Row {
    const char* name;
    Shown shown;
    AuthorityPtr authority;
    long long most;
  };
  const std::vector<Row> rows = {
      {"nothing ends soon", shown(issue(person())), trusting(house), 12 * 3600},
      {"the leaf", shown(issue(soon)), trusting(house), kSoon},
      {"the leaf, in a day", shown(issue(later)), trusting(house), 12 * 3600},
      {"the one between", shown(issue(person(brief)), brief.certificate()), trusting(house), kSoon},
      {"the list", shown(issue(person())), trusting(house, revocations(root(), {}, now() + kSoon)),
       kSoon},
      {"the list ends late", shown(issue(person())),
       trusting(house, revocations(root(), {}, now() + kLate)), 12 * 3600},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto context = context_for(ClientCertificates::require, row.authority);
    auto options = client_with(row.shown, version);
    for (int i = 0; i < 2; ++i) {  // the second time resumed, and no later than before
      Connection connection(context, options);
      connection.to_client("250 OK\r\n");
      REQUIRE(connection.engine.facts().resumed == (i == 1));
      if (i == 1 && version == 0x0303) break;  // which sends no new one
      CHECK(connection.client.ticket_lifetime() <= row.most);
      CHECK(connection.client.ticket_lifetime() > row.most - 300);
      options.session = connection.client.session();
    }
  }
}

TEST_CASE("a file of authorities or revocations that is none says so") {
  const auto fault = [](const std::string& certificates, const std::string& lists) {
    const auto made = ClientAuthority::parse(certificates, "people.pem", lists, "people.crl");
    return made ? "" : made.error().message;
  };
  const auto house = root().certificate();
  CHECK(fault("", "") ==
        "no certificate in people.pem: the authorities that sign clients' are expected, in PEM");
  CHECK(fault(root().key(), "").starts_with("no certificate in people.pem"));
  CHECK(fault("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "") ==
        "certificate 1 in people.pem is no valid X.509 certificate");
  CHECK(fault(house.substr(0, house.size() - 30), "")
            .starts_with("people.pem: PEM block 1 is damaged"));
  CHECK(fault(std::string(1024 * 1024 + 1, 'x'), "") == "people.pem is too large (over 1 MiB)");
  CHECK(fault(house, house).starts_with("no certificate revocation list in people.crl"));
  CHECK(fault(house, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n") ==
        "list 1 in people.crl is no valid certificate revocation list");
  CHECK(fault(house, revocations(authority_named("House Root"), {})) ==
        "a list in people.crl has the name of CN = House Root, which did not sign it");
  CHECK(ClientAuthority::load("/nonexistent/people.pem", "").error().message ==
        "cannot read /nonexistent/people.pem: No such file or directory");
  CHECK(fault(house + house, revocations(root(), {})).empty());
}

TEST_CASE("what keeps clients out that should come in is warned about") {
  using Moment = std::chrono::system_clock::time_point;
  const auto authority = trusting(root().certificate() + stranger().certificate(),
                                  revocations(root(), {}, 1'900'000'000));
  const auto at = [&](long long seconds) {
    return authority->warnings(Moment(std::chrono::seconds(seconds)));
  };
  const std::string missing =
      "people.crl: no list of CN = Stranger, so all clients that it has signed are refused";
  CHECK(at(1'800'000'000) == std::vector<std::string>{missing});
  CHECK(at(1'900'000'001) ==
        std::vector<std::string>{
            missing,
            "people.crl: THE LIST OF REVOCATIONS HAS EXPIRED on 2030-03-17 (CN = House Root): its "
            "clients are refused until there is a new one"});
  CHECK(at(2'000'000'001).size() == 4);
  CHECK(at(2'000'000'001).front() ==
        "people.pem: THE AUTHORITY HAS EXPIRED on 2033-05-18 (CN = House Root): its clients are "
        "refused");
  CHECK(trusting(root().certificate())
            ->warnings(Moment(std::chrono::seconds(1'800'000'000)))
            .empty());
}

TEST_CASE("a context that asks for certificates needs to know who signs them") {
  tls::ServerOptions options;
  options.credentials = {throwaway({"mail.example.com"})};
  options.client_certificates = ClientCertificates::request;
  CHECK(tls::ServerContext::make(options).error().message ==
        "clients' certificates are wanted, and nobody is known who signs them");
}

}  // namespace postern::test
