// Ticket keys of several nodes: one secret and one rotation, and nothing exchanged. BoringSSL's clock
// on the servers' side is theirs.
#include "tls/tickets.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "test/support/certificates.h"
#include "test/tls/connection.h"

namespace postern::test {

using namespace std::chrono_literals;
using tls::TicketKeys;

namespace {

constexpr auto kRotate = 3600s;
constexpr auto kStart = 1'000'000s;
const std::string kSecret = "thirty-two octets of any kind ...";

// One node with a clock of its own.
struct Node {
  explicit Node(std::string_view secret, std::chrono::seconds rotate = kRotate,
                std::chrono::seconds ahead = 0s, tls::ServerOptions options = {})
      : now(std::make_shared<std::chrono::seconds>(kStart + ahead)) {
    options.now = [at = now] { return *at; };
    options.ticket_keys = std::make_shared<TicketKeys>(secret, rotate, options.now);
    context = context_of(options);
  }

  TlsSessionPtr session(const TlsClientOptions& options) const {
    Connection connection(context, options);
    connection.to_client("250 OK\r\n");
    REQUIRE(connection.client.session() != nullptr);
    return connection.client.session();
  }

  bool resumes(TlsClientOptions options, TlsSessionPtr session) const {
    options.session = std::move(session);
    const Connection connection(context, options);
    REQUIRE(connection.engine.state() == tls::Engine::State::open);
    REQUIRE(connection.client.resumed() == connection.engine.facts().resumed);
    return connection.client.resumed();
  }

  std::shared_ptr<std::chrono::seconds> now;
  std::shared_ptr<const tls::ServerContext> context;
};

TlsClientOptions only(std::uint16_t version) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  return options;
}

}  // namespace

TEST_CASE("any node of one secret resumes any session, one slot back and forward and no further") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const Node here(kSecret);
  const Node there(kSecret);
  const auto session = here.session(options);
  for (const int slots : {-2, -1, 0, 1, 2}) {
    INFO(slots << " slots later");
    *there.now = kStart + slots * kRotate;
    CHECK(there.resumes(options, session) == (slots >= -1 && slots <= 1));
  }
}

TEST_CASE("a node that was started anew resumes the sessions from before") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto session = Node(kSecret).session(options);
  CHECK(Node(kSecret, kRotate, kRotate).resumes(options, session));
}

TEST_CASE("a clock that is up to a slot ahead or behind takes nothing from the others") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto ahead = GENERATE(-kRotate, kRotate);
  const Node right(kSecret);
  const Node wrong(kSecret, kRotate, ahead);
  CHECK(right.resumes(options, wrong.session(options)));
  CHECK(wrong.resumes(options, right.session(options)));
}

TEST_CASE("a clock that is some seconds ahead or behind does so neither, within a slot or across") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto ahead = GENERATE(-8s, -1s, 1s, 8s);
  const auto in_slot = GENERATE(0s, 9s, kRotate - 9s, kRotate - 1s);
  const auto into_slot = kRotate - kStart % kRotate + in_slot;
  const Node right(kSecret, kRotate, into_slot);
  const Node wrong(kSecret, kRotate, into_slot + ahead);
  auto session = right.session(options);
  // Back and forth, and twice at the same one.
  for (const auto* const node : {&wrong, &wrong, &right, &right, &wrong}) {
    auto again = options;
    again.session = session;
    Connection connection(node->context, again);
    REQUIRE(connection.client.resumed());
    connection.to_client("250 OK\r\n");
    if (const auto next = connection.client.session(); next != nullptr) {
      session = next;
      CHECK(connection.client.ticket_lifetime() == kRotate.count());
    }
    *right.now += 1s;
    *wrong.now += 1s;
  }
}

TEST_CASE(
    "slots alone decide: a ticket is good to the end of the next, wherever in its own it began") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto began = GENERATE(0s, 1s, kRotate - 1s);
  const Node node(kSecret);
  const auto slot = kStart - kStart % kRotate;
  *node.now = slot + began;
  const auto session = node.session(options);
  struct Row {
    std::chrono::seconds at;
    bool resumes;
  };
  for (const auto& row :
       {Row{-kRotate - 1s, false}, Row{-kRotate, true}, Row{kRotate - 1s, true}, Row{kRotate, true},
        Row{2 * kRotate - 1s, true}, Row{2 * kRotate, false}}) {
    INFO(began.count() << " to " << row.at.count());
    *node.now = slot + row.at;
    CHECK(node.resumes(options, session) == row.resumes);
  }
}

TEST_CASE("a session of TLS 1.3 in use ends after a week, and two slots at the most") {
  constexpr auto kWeek = TicketKeys::kLongestTicket;
  const auto pause = GENERATE(kRotate / 2, kRotate - 1s, kRotate + 1s);
  const Node node(kSecret);
  auto options = only(0x0304);
  options.session = node.session(options);
  bool resumed = true;
  while (resumed && *node.now < kStart + 2 * kWeek) {
    *node.now += pause;
    Connection connection(node.context, options);
    connection.to_client("250 OK\r\n");
    resumed = connection.client.resumed();
    options.session = connection.client.session();
  }
  CHECK(*node.now >= kStart + kWeek);
  CHECK(*node.now <= kStart + kWeek + 2 * kRotate + pause);
}

TEST_CASE("a slot that is longer than a week makes no ticket that is") {
  constexpr auto kWeek = TicketKeys::kLongestTicket;
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const Node node(kSecret, 8 * kWeek);
  *node.now = 8 * kWeek;
  const auto session = node.session(options);
  *node.now += kWeek - 1s;
  CHECK(node.resumes(options, session));
  *node.now += 1s;
  CHECK_FALSE(node.resumes(options, session));
}

TEST_CASE(
    "what rests on a client's certificate ends with it to the second, whatever a clock says") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  constexpr auto kLeft = 600s;
  const auto real =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  const auto root = issue({.common_name = "House", .is_ca = true});
  const auto leaf = issue({.common_name = "anna",
                           .issuer = &root,
                           .not_after = (real + kLeft).count(),
                           .purpose = "clientAuth"});
  tls::ServerOptions demanding;
  demanding.client_certificates = tls::ClientCertificates::require;
  demanding.client_authority =
      *tls::ClientAuthority::parse(root.certificate(), "authorities", "", "");
  auto options = only(version);
  options.chain = leaf.certificate();
  options.key = leaf.key();
  const Node node(kSecret, kRotate, real - kStart, demanding);
  const auto last = real + kLeft - 1s;  // as late as the certificate holds, or what is left of it

  SECTION("shown with no ticket") {
    const auto session = node.session(options);
    CHECK(node.resumes(options, session));
    *node.now = last - 30s;  // the real clock goes on
    CHECK(node.resumes(options, session));
    *node.now = last + 1s;
    CHECK_FALSE(node.resumes(options, session));
  }
  SECTION("shown with a ticket from a clock that is ahead, and that is not taken") {
    auto other = demanding;
    other.resumption_scope = "pop3";
    const Node ahead(kSecret, kRotate, real - kStart + kRotate, other);
    auto again = options;
    again.session = ahead.session(options);
    REQUIRE_FALSE(node.resumes(options, again.session));
    Connection connection(node.context, again);
    connection.to_client("250 OK\r\n");
    *node.now = last + 1s;
    const auto session = connection.client.session();
    CHECK((session == nullptr || !node.resumes(options, session)));
  }
}

TEST_CASE("a ticket that was changed in any octet opens nothing") {
  const auto changed = GENERATE(0, 15, 16, 39, 40, 47, 48, 100, -17, -16, -1);
  const Node node(kSecret);
  const auto session = node.session(only(0x0303));
  REQUIRE(node.resumes(only(0x0303), session));
  CHECK_FALSE(node.resumes(only(0x0303), with_ticket_changed(session, changed)));
}

TEST_CASE("another secret or another rotation opens nothing") {
  const auto options = only(GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304));
  const auto session = Node(kSecret).session(options);
  CHECK(Node(kSecret).resumes(options, session));
  CHECK_FALSE(Node(kSecret + "\n").resumes(options, session));
  CHECK_FALSE(Node(kSecret.substr(1)).resumes(options, session));
  // The same slot's number, at another time and at the same.
  CHECK_FALSE(Node(kSecret, 2 * kRotate, kStart).resumes(options, session));
  const auto early = 10s;
  const Node hourly(kSecret, kRotate, early - kStart);
  const Node daily(kSecret, 24 * kRotate, early - kStart);
  CHECK_FALSE(daily.resumes(options, hourly.session(options)));
}

}  // namespace postern::test
