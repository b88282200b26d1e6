// Ticket keys of several nodes: one secret and one rotation, and nothing exchanged.
#include "tls/tickets.h"

#include <catch2/catch.hpp>
#include <chrono>

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
                std::chrono::seconds ahead = 0s)
      : now(std::make_shared<std::chrono::seconds>(kStart + ahead)) {
    tls::ServerOptions options;
    options.ticket_keys = std::make_shared<TicketKeys>(secret, rotate, [at = now] { return *at; });
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
