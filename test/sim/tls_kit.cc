// See tls_kit.h.
#include "test/sim/tls_kit.h"

#include <stdexcept>

#include "test/support/certificates.h"
#include "test/support/tls_contexts.h"
#include "tls/credentials.h"
#include "tls/engine.h"
#include "tls/tickets.h"

namespace postern::sim {

namespace {

constexpr std::uint16_t kTls10 = 0x0301;
constexpr std::uint16_t kTls12 = 0x0303;
constexpr const char* kRsaAlgorithms = "rsa_pss_rsae_sha256:RSA+SHA256:RSA+SHA1";

std::shared_ptr<const tls::Credentials> credentials(test::KeyKind kind) {
  const auto issued = test::issue(
      {.common_name = "mail.example.com", .dns_names = {"mail.example.com"}, .kind = kind});
  const auto parsed = tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

test::TlsClientOptions options(std::uint16_t version) {
  test::TlsClientOptions options;
  options.min_version = options.max_version = version;
  options.algorithms = std::string("ed25519:") + kRsaAlgorithms;
  options.server_name = "mail.example.com";
  return options;
}

// A session of its own with this context, for others to resume.
test::TlsSessionPtr make_session(const std::shared_ptr<const tls::ServerContext>& context,
                                 std::uint16_t version) {
  tls::Engine engine(context);
  test::TlsClient client(options(version));
  tls::Octets plain;
  std::string output;
  client.receive("");
  for (int flight = 0; flight < 4; ++flight) {
    output.clear();
    engine.receive(client.take_output(), plain, output);
    if (engine.state() == tls::Engine::State::open) engine.seal("x", output);
    client.receive(output);
  }
  if (!client.session()) throw std::runtime_error("no TLS session: " + client.error());
  return client.session();
}

}  // namespace

const TlsKit& TlsKit::instance() {
  static const TlsKit kit;
  return kit;
}

TlsKit::TlsKit() {
  const auto keys = std::make_shared<tls::TicketKeys>(std::chrono::hours(24),
                                                      [] { return std::chrono::seconds(0); });
  tls::ServerOptions server;
  server.credentials = {credentials(test::KeyKind::ed25519), credentials(test::KeyKind::rsa)};
  server.ticket_keys = keys;
  usual_ = test::serve_each_version(server);
  server.old_versions = tls::OldVersions::accept;
  explaining_ = test::serve_each_version(server);
  const session::TlsTerms terms{conf::TlsVersion::tls1_2};
  const auto context = usual_->find(0, terms);
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    sessions_[i] = make_session(context, static_cast<std::uint16_t>(kTls12 + i));
  }
  // What is made at the first use and then kept is no session's: BoringSSL's queue of errors, the
  // engine's suites for old versions.
  tls::Engine failing(context);
  tls::Octets plain;
  std::string output;
  failing.receive(std::string("\x16\x03\x01\x00\x05hello", 10), plain, output);
  tls::Engine old(explaining_->find(0, terms));
  test::TlsClient client(options(kTls10));
  client.receive("");
  old.receive(client.take_output(), plain, output);
}

test::TlsClientOptions TlsKit::client(Random& random) const {
  const auto which = random.one_in(3) ? 0U : 1U;
  auto made = options(static_cast<std::uint16_t>(kTls12 + which));
  if (!random.one_in(4)) {
    made.session = sessions_[which];
  } else if (random.one_in(2)) {
    made.algorithms = kRsaAlgorithms;  // so that its signature takes time
  }
  return made;
}

}  // namespace postern::sim
