// Profiles: what each serves, and RSA key exchange, which the island alone has.
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <sstream>

#include "test/support/certificates.h"
#include "test/support/source_dir.h"
#include "test/tls/connection.h"
#include "test/tls/hello.h"
#include "tls/key_offload.h"

namespace postern::test {

using State = tls::Engine::State;
using tls::Failure;
using tls::HandshakeQueue;
using tls::Profile;
using tls::ServerContext;
using tls::ServerOptions;
using tls::Version;

namespace {

std::shared_ptr<const tls::Credentials> credentials_with(KeyKind kind) {
  const auto issued = issue({.common_name = kind == KeyKind::rsa ? "rsa" : "ecdsa",
                             .dns_names = {"mail.example.com"},
                             .kind = kind});
  return *tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
}

// With an RSA and an ECDSA certificate for one name.
std::shared_ptr<const ServerContext> serving(Profile profile, Version min = Version::tls1_2,
                                             std::shared_ptr<const tls::TicketKeys> keys = {}) {
  static const auto rsa = credentials_with(KeyKind::rsa);
  static const auto ecdsa = credentials_with(KeyKind::p256);
  ServerOptions options;
  options.credentials = {rsa, ecdsa};
  options.profile = profile;
  options.min_version = min;
  options.ticket_keys = std::move(keys);
  return *ServerContext::make(options);
}

TlsClientOptions only(std::uint16_t version, const std::string& ciphers = {}) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  options.ciphers = ciphers;
  return options;
}

// The words behind each of `# suites …:` and `# groups …:` in conf/reference.yaml, to the first line
// that is indented less.
std::vector<std::string> listed_in_reference(const std::string& title) {
  std::ifstream file(source_dir() + "/conf/reference.yaml");
  REQUIRE(file);
  std::vector<std::string> words;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "  #   " + title + ":") {
      is_inside = true;
    } else if (is_inside && line.starts_with("  #     ")) {
      std::istringstream rest(line.substr(3));
      for (std::string word; rest >> word;) words.push_back(word);
    } else {
      is_inside = false;
    }
  }
  return words;
}

// A worker without threads: the key is used when the test says so.
struct Desk {
  tls::KeyOffload offload{0};
  HandshakeQueue queue{offload, [] {}};

  void settle() {
    while (queue.take_turn() || offload.sign_next()) {
    }
  }
};

struct Waiter final : tls::HandshakeUser {
  Waiter(HandshakeQueue& queue, const TlsClientOptions& options) : client(options) {
    tls::HandshakeUser& self = *this;
    engine =
        std::make_unique<tls::Engine>(serving(Profile::island, Version::tls1_0), &queue, &self);
    client.receive("");
  }
  void on_turn() override {
    ++calls;
    engine->receive("", plain, output);
  }
  void carry() {
    if (const auto bytes = client.take_output(); !bytes.empty()) {
      engine->receive(bytes, plain, output);
    }
    if (!output.empty()) client.receive(std::exchange(output, {}));
  }

  TlsClient client;
  std::unique_ptr<tls::Engine> engine;
  tls::Octets plain;
  std::string output;
  int calls = 0;
};

}  // namespace

TEST_CASE("each profile serves its suites and no others") {
  struct Row {
    const char* suite;
    std::uint16_t version;
    bool intermediate;
    bool legacy;
    bool island;
  };
  const std::vector<Row> rows = {
      {"ECDHE-RSA-AES128-GCM-SHA256", 0x0303, true, true, true},
      {"ECDHE-ECDSA-CHACHA20-POLY1305", 0x0303, true, true, true},
      {"ECDHE-ECDSA-AES128-SHA", 0x0303, false, true, true},
      {"ECDHE-RSA-AES256-SHA", 0x0303, false, true, true},
      {"AES128-GCM-SHA256", 0x0303, false, false, true},
      {"AES256-GCM-SHA384", 0x0303, false, false, true},
      {"AES128-SHA", 0x0303, false, false, true},
      {"AES256-SHA", 0x0303, false, false, true},
      {"DES-CBC3-SHA", 0x0303, false, false, true},
      {"ECDHE-RSA-AES128-SHA", 0x0301, false, false, false},  // whatever the suites: the version
      {"DES-CBC3-SHA", 0x0301, false, false, false},
  };
  for (const auto& row : rows) {
    INFO(row.suite << " " << row.version);
    const auto is_served = [&](Profile profile) {
      return Connection(serving(profile), only(row.version, row.suite)).engine.state() ==
             State::open;
    };
    CHECK(is_served(Profile::modern) == row.intermediate);
    CHECK(is_served(Profile::intermediate) == row.intermediate);
    CHECK(is_served(Profile::legacy) == row.legacy);
    CHECK(is_served(Profile::island) == row.island);
  }
}

TEST_CASE("the reference lists the suites and groups of each profile as they are served") {
  const auto plus = [](std::vector<std::string> list, const std::vector<std::string>& more) {
    list.insert(list.end(), more.begin(), more.end());
    return list;
  };
  const auto intermediate = listed_in_reference("suites of modern and intermediate");
  const auto legacy = plus(intermediate, listed_in_reference("suites that legacy adds"));
  const auto island = plus(legacy, listed_in_reference("suites that such a rule adds"));
  CHECK(intermediate.size() == 6);
  CHECK(serving(Profile::modern)->suites() == intermediate);
  CHECK(serving(Profile::intermediate)->suites() == intermediate);
  CHECK(serving(Profile::intermediate, Version::tls1_1)->suites() == legacy);
  CHECK(serving(Profile::legacy)->suites() == legacy);
  CHECK(serving(Profile::island)->suites() == island);

  // The hybrid group stands there for libraries that have it.
  auto groups = listed_in_reference("groups of modern and intermediate");
  if (tls::group_names(Profile::modern).front() != "X25519MLKEM768") groups.erase(groups.begin());
  CHECK(tls::group_names(Profile::modern) == groups);
  CHECK(tls::group_names(Profile::intermediate) == groups);
  groups = plus(groups, listed_in_reference("groups that legacy adds"));
  CHECK(tls::group_names(Profile::legacy) == groups);
  CHECK(tls::group_names(Profile::island) == groups);
}

TEST_CASE("P-521 is a group of legacy, and of no milder profile") {
  TlsClientOptions client;
  client.groups = "P-521";
  CHECK(Connection(serving(Profile::intermediate), client).engine.failure() ==
        Failure::no_shared_cipher);
  CHECK(Connection(serving(Profile::legacy), client).engine.facts().curve == "P-521");
  CHECK(Connection(serving(Profile::island), client).engine.facts().curve == "P-521");
}

TEST_CASE("in the island all that is better is preferred") {
  const auto island = serving(Profile::island, Version::tls1_0);
  CHECK(Connection(island).engine.facts().version == "1.3");
  const auto suite_with = [&](std::uint16_t version, const std::string& ciphers) {
    return Connection(island, only(version, ciphers)).engine.facts().cipher;
  };
  CHECK(suite_with(0x0303, "DES-CBC3-SHA:AES256-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA") ==
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
  CHECK(suite_with(0x0303, "DES-CBC3-SHA:AES256-SHA:AES128-GCM-SHA256") ==
        "TLS_RSA_WITH_AES_128_GCM_SHA256");
  CHECK(suite_with(0x0301, "DES-CBC3-SHA:AES256-SHA") == "TLS_RSA_WITH_AES_256_CBC_SHA");
  CHECK(suite_with(0x0301, "DES-CBC3-SHA") == "TLS_RSA_WITH_3DES_EDE_CBC_SHA");
}

TEST_CASE("RSA key exchange goes with the RSA certificate, whatever stands beside it") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0301, 0x0302, 0x0303);
  const auto suite = GENERATE(as<std::string>{}, "AES128-SHA", "DES-CBC3-SHA");
  Connection connection(serving(Profile::island, Version::tls1_0), only(version, suite));
  INFO(suite << " " << version << " " << connection.engine.failure_text());
  REQUIRE(connection.engine.state() == State::open);
  CHECK(connection.client.server_subject() == "CN = rsa");
  CHECK(connection.engine.facts().curve.empty());
  connection.to_server("EHLO printer.example.com\r\n");
  CHECK(connection.plain == "EHLO printer.example.com\r\n");
  connection.to_client("250 mail.example.com\r\n");
  CHECK(connection.client.take_received() == "250 mail.example.com\r\n");
}

TEST_CASE("RSA key exchange decrypts off the loop, and goes on when it is done") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0301, 0x0302, 0x0303);
  Desk desk;
  Waiter waiter(desk.queue, only(version, "AES128-SHA"));
  waiter.carry();
  REQUIRE(desk.offload.waiting() == 0);  // nothing was signed
  REQUIRE_FALSE(desk.queue.take_turn());
  waiter.carry();
  REQUIRE(desk.offload.waiting() == 1);
  REQUIRE(waiter.output.empty());
  REQUIRE_FALSE(desk.queue.take_turn());
  REQUIRE(waiter.calls == 0);

  REQUIRE(desk.offload.sign_next());
  desk.queue.take_turn();
  REQUIRE(waiter.calls == 1);
  REQUIRE(waiter.engine->state() == State::open);
  waiter.carry();
  REQUIRE(waiter.client.connected());
  CHECK(waiter.engine->facts().cipher == "TLS_RSA_WITH_AES_128_CBC_SHA");
}

TEST_CASE("a client may go while its secret is decrypted, and nobody is told") {
  Desk desk;
  auto waiter = std::make_unique<Waiter>(desk.queue, only(0x0303, "AES128-SHA"));
  waiter->carry();
  desk.queue.take_turn();
  waiter->carry();
  REQUIRE(desk.offload.waiting() == 1);
  waiter.reset();
  CHECK(desk.offload.waiting() == 0);
  desk.settle();
  // And the others go on.
  Waiter next(desk.queue, only(0x0303, "AES128-SHA"));
  for (int i = 0; i < 3; ++i) {
    next.carry();
    desk.settle();
  }
  CHECK(next.engine->state() == State::open);
}

TEST_CASE("no more decryptions than signatures are under way, and all clients are served") {
  Desk desk;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < 12; ++i) {
    waiters.push_back(std::make_unique<Waiter>(
        desk.queue, only(0x0303, i % 2 == 0 ? "AES128-SHA" : "ECDHE-RSA-AES128-GCM-SHA256")));
  }
  std::size_t most = 0;
  for (int i = 0; i < 200; ++i) {
    for (auto& waiter : waiters) waiter->carry();
    desk.queue.take_turn();
    most = std::max(most, desk.offload.waiting());
    if (i % 3 == 0) desk.offload.sign_next();
  }
  CHECK(most <= HandshakeQueue::kMostSigning);
  for (const auto& waiter : waiters) CHECK(waiter->engine->state() == State::open);
}

// A secret with a padding of its own, and no secret at all, end alike and at the same point: with the
// Finished that cannot be read (RFC 5246 section 7.4.7.1).
TEST_CASE("what is no padded secret fails like a wrong one") {
  const auto failure_of = [](const std::function<void(std::string&)>& change) {
    tls::Engine engine(serving(Profile::island, Version::tls1_2));
    TlsClient client(only(0x0303, "AES128-SHA"));
    tls::Octets plain;
    std::string output;
    client.receive("");
    engine.receive(client.take_output(), plain, output);
    client.receive(std::exchange(output, {}));
    auto flight = client.take_output();
    // ClientKeyExchange: record, message and length of the encrypted secret, then that.
    constexpr std::size_t kSecret = 5 + 4 + 2;
    REQUIRE(flight.size() > kSecret + 256);
    REQUIRE(flight[0] == 22);
    REQUIRE(flight[5] == 16);
    auto secret = flight.substr(kSecret, 256);
    change(secret);
    flight.replace(kSecret, 256, secret);
    engine.receive(flight, plain, output);
    CHECK(engine.state() == State::failed);
    // One alert, and nothing before it that would tell.
    return engine.failure_text() + " " + std::to_string(output.size()) + " " +
           std::to_string(output.empty() ? 0 : output.back());
  };
  const auto garbled = failure_of([](std::string& secret) { secret[200] ^= 1; });
  CHECK(garbled == failure_of([](std::string& secret) { secret.assign(256, '\1'); }));
  CHECK(garbled == failure_of([](std::string& secret) { secret = std::string(255, '\0') + '\2'; }));
  CHECK(garbled == failure_of([](std::string& secret) { secret = std::string(256, '\0'); }));
}

TEST_CASE("a secret above the modulus ends the handshake, with a queue and without") {
  Desk desk;
  Waiter waiter(desk.queue, only(0x0303, "AES128-SHA"));
  waiter.carry();
  auto flight = waiter.client.take_output();
  REQUIRE(flight.size() > 11 + 256);
  flight.replace(11, 256, std::string(256, '\xff'));
  waiter.engine->receive(flight, waiter.plain, waiter.output);
  desk.settle();
  CHECK(waiter.engine->state() == State::failed);
}

TEST_CASE("a session of the island resumes there, and in no other profile") {
  const auto keys = std::make_shared<tls::TicketKeys>(
      std::chrono::hours(1), [] { return std::chrono::seconds(1'000'000); });
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  auto client = only(version);
  Connection first(serving(Profile::island, Version::tls1_2, keys), client);
  first.to_client("220 mail.example.com\r\n");
  client.session = first.client.session();
  REQUIRE(client.session != nullptr);
  const auto resumes = [&](Profile profile) {
    const Connection connection(serving(profile, Version::tls1_2, keys), client);
    REQUIRE(connection.engine.state() == State::open);
    return connection.engine.facts().resumed;
  };
  CHECK(resumes(Profile::island));
  CHECK_FALSE(resumes(Profile::legacy));
  CHECK_FALSE(resumes(Profile::intermediate));
  CHECK_FALSE(resumes(Profile::modern));
}

TEST_CASE("a session by RSA key exchange resumes in the island, and nowhere else") {
  const auto keys = std::make_shared<tls::TicketKeys>(
      std::chrono::hours(1), [] { return std::chrono::seconds(1'000'000); });
  auto client = only(0x0301, "AES128-SHA:ECDHE-RSA-AES128-SHA");
  auto rsa_only = only(0x0301, "AES128-SHA");
  Connection first(serving(Profile::island, Version::tls1_0, keys), rsa_only);
  REQUIRE(first.engine.state() == State::open);
  client.session = first.client.session();
  REQUIRE(client.session != nullptr);
  rsa_only.session = client.session;
  const auto island = serving(Profile::island, Version::tls1_0, keys);
  CHECK(Connection(island, rsa_only).engine.facts().resumed);
  const Connection outside(serving(Profile::legacy, Version::tls1_0, keys), client);
  CHECK(outside.engine.state() == State::open);
  CHECK_FALSE(outside.engine.facts().resumed);
  CHECK(outside.engine.facts().cipher == "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
}

}  // namespace postern::test
