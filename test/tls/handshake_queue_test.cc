// Handshakes that wait: for their turn on the loop, and for the signature of an RSA key.
#include "tls/handshake_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "test/support/certificates.h"
#include "test/tls/connection.h"
#include "tls/key_offload.h"

namespace postern::test {

using namespace std::chrono_literals;
using State = tls::Engine::State;
using tls::HandshakeQueue;

namespace {

std::shared_ptr<const tls::Credentials> credentials_with(KeyKind kind) {
  const auto issued =
      issue({.common_name = "mail.example.com", .dns_names = {"mail.example.com"}, .kind = kind});
  return *tls::Credentials::parse(issued.certificate(), issued.key(), "chain", "key");
}

std::shared_ptr<const tls::ServerContext> context_with(KeyKind kind) {
  static const auto rsa = credentials_with(KeyKind::rsa);
  tls::ServerOptions options;
  options.min_version = tls::Version::tls1_0;
  options.credentials = {kind == KeyKind::rsa ? rsa : credentials_with(kind)};
  return *tls::ServerContext::make(options);
}

// A worker without threads: signatures are made when the test says so.
struct Desk {
  tls::KeyOffload offload{0};
  int rings = 0;
  HandshakeQueue queue{offload, [this] { ++rings; }};

  void settle() {
    while (queue.take_turn() || offload.sign_next()) {
    }
  }
};

// A client and an engine that may wait. Who was called when stands in `order`.
struct Waiter final : tls::HandshakeUser {
  explicit Waiter(HandshakeQueue& queue, KeyKind kind = KeyKind::rsa,
                  const TlsClientOptions& options = {}, std::vector<int>* order_of_all = nullptr,
                  int its_name = 0)
      : client(options), order(order_of_all), name(its_name) {
    tls::HandshakeUser& self = *this;
    engine = std::make_unique<tls::Engine>(context_with(kind), &queue, &self);
    client.receive("");
  }
  void on_turn() override {
    ++calls;
    if (order != nullptr) order->push_back(name);
    engine->receive("", plain, output);
  }
  // What the client has to say reaches the engine, and the answer the client.
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
  std::vector<int>* order;
  int name;
};

void finish(Desk& desk, Waiter& waiter) {
  for (int i = 0; i < 6; ++i) {
    waiter.carry();
    desk.settle();
  }
}

TlsClientOptions only(std::uint16_t version) {
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  return options;
}

}  // namespace

TEST_CASE("a handshake with a slow key waits for its signature, and is completed with it") {
  const auto version = GENERATE(0x0301, 0x0302, 0x0303, 0x0304);
  const auto kind = GENERATE(KeyKind::rsa, KeyKind::p384);
  Desk desk;
  Waiter waiter(desk.queue, kind, only(static_cast<std::uint16_t>(version)));
  waiter.carry();
  REQUIRE(desk.offload.waiting() == 1);
  REQUIRE(waiter.output.empty());
  REQUIRE_FALSE(desk.queue.take_turn());
  REQUIRE(waiter.calls == 0);
  REQUIRE(desk.rings == 0);

  REQUIRE(desk.offload.sign_next());
  REQUIRE(desk.rings == 1);
  REQUIRE(waiter.calls == 0);  // not before its turn
  desk.queue.take_turn();
  REQUIRE(waiter.calls == 1);
  REQUIRE_FALSE(waiter.output.empty());
  finish(desk, waiter);
  REQUIRE(waiter.engine->state() == State::open);
  REQUIRE(waiter.client.connected());
  REQUIRE(waiter.client.server_subject() == "CN = mail.example.com");
}

TEST_CASE("without a queue a slow key signs at once") {
  const auto version = GENERATE(0x0301, 0x0302, 0x0303, 0x0304);
  const auto kind = GENERATE(KeyKind::rsa, KeyKind::p384);
  const Connection connection(context_with(kind), only(static_cast<std::uint16_t>(version)));
  REQUIRE(connection.engine.state() == State::open);
  REQUIRE(connection.client.connected());
}

TEST_CASE("keys that sign quickly never wait for a signature") {
  const auto kind = GENERATE(KeyKind::p256, KeyKind::ed25519);
  TlsClientOptions options;
  options.algorithms = "ed25519:ecdsa_secp256r1_sha256";
  Desk desk;
  Waiter waiter(desk.queue, kind, options);
  waiter.carry();
  REQUIRE(desk.offload.waiting() == 0);
  REQUIRE_FALSE(desk.queue.take_turn());
  waiter.carry();
  REQUIRE(waiter.engine->state() == State::open);
  REQUIRE(waiter.calls == 0);
}

TEST_CASE("what comes during a signature is kept, and looked at behind it") {
  Desk desk;
  Waiter waiter(desk.queue);
  const auto hello = waiter.client.take_output();
  const std::string junk = {'\x17', 3, 3, 0, 4, 'j', 'u', 'n', 'k'};
  SECTION("in the same piece") {
    waiter.engine->receive(hello + junk, waiter.plain, waiter.output);
  }
  SECTION("in others") {
    waiter.engine->receive(hello, waiter.plain, waiter.output);
    REQUIRE_FALSE(waiter.engine->is_holding());
    for (const char octet : junk) {
      waiter.engine->receive(std::string(1, octet), waiter.plain, waiter.output);
    }
  }
  REQUIRE(waiter.engine->is_holding());
  REQUIRE(waiter.engine->state() == State::handshaking);
  REQUIRE(desk.offload.waiting() == 1);
  desk.settle();
  REQUIRE(waiter.engine->state() == State::failed);
  REQUIRE_FALSE(waiter.engine->is_holding());
}

TEST_CASE("an engine may go while it waits, and nobody is told") {
  Desk desk;
  auto waiter = std::make_unique<Waiter>(desk.queue);
  Waiter other(desk.queue);
  waiter->carry();
  REQUIRE_FALSE(desk.queue.take_turn());
  other.carry();
  REQUIRE(desk.offload.waiting() == 2);
  SECTION("before its signature is begun") {
    waiter.reset();
    REQUIRE(desk.offload.waiting() == 1);
  }
  SECTION("when it is made") {
    desk.offload.sign_next();
    waiter.reset();
  }
  SECTION("for its turn") {
    std::vector<std::unique_ptr<Waiter>> more;
    for (int i = 0; i < 3; ++i) {
      more.push_back(std::make_unique<Waiter>(desk.queue));
      more.back()->carry();
    }
    REQUIRE(more.back()->engine->is_holding());
    REQUIRE(desk.offload.waiting() == 2);
  }
  desk.settle();
  finish(desk, other);
  REQUIRE(other.engine->state() == State::open);
  REQUIRE(desk.offload.waiting() == 0);
}

TEST_CASE("a turn has few steps, and the others follow in the order in which they came") {
  constexpr int kAll = 7;
  Desk desk;
  std::vector<int> order;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < kAll; ++i) {
    waiters.push_back(
        std::make_unique<Waiter>(desk.queue, KeyKind::p256, TlsClientOptions{}, &order, i));
    waiters.back()->carry();
  }
  REQUIRE(order.empty());  // the first had their turn at once
  constexpr int kSteps = HandshakeQueue::kMostSteps;
  for (int i = 0; i < kAll; ++i) {
    INFO(i);
    REQUIRE(waiters[static_cast<std::size_t>(i)]->engine->is_holding() == (i >= kSteps));
  }
  REQUIRE(desk.queue.take_turn());
  REQUIRE(order.size() == kSteps);
  while (desk.queue.take_turn()) {
  }
  std::vector<int> expected;
  for (int i = kSteps; i < kAll; ++i) expected.push_back(i);
  REQUIRE(order == expected);
  for (const auto& waiter : waiters) {
    finish(desk, *waiter);
    REQUIRE(waiter->engine->state() == State::open);
  }
}

TEST_CASE("a handshake that has begun comes before new ones") {
  Desk desk;
  std::vector<int> order;
  Waiter begun(desk.queue, KeyKind::p256, {}, &order, 1);
  begun.carry();
  Waiter second(desk.queue, KeyKind::p256, {}, &order, 2);
  Waiter third(desk.queue, KeyKind::p256, {}, &order, 3);
  second.carry();  // the turn is over
  third.carry();
  REQUIRE(second.engine->is_holding());
  REQUIRE(third.engine->is_holding());
  begun.carry();
  REQUIRE(begun.engine->is_holding());
  desk.settle();
  REQUIRE(order == std::vector<int>{1, 2, 3});
  REQUIRE(begun.engine->state() == State::open);
}

TEST_CASE("handshakes that go on octet by octet keep no new one waiting for ever") {
  Desk desk;
  // Two, so that one of them waits for its turn always.
  Waiter first(desk.queue, KeyKind::p256);
  Waiter second(desk.queue, KeyKind::p256);
  for (auto* const slow : {&first, &second}) {
    desk.queue.take_turn();
    slow->carry();
  }
  Waiter fresh(desk.queue, KeyKind::p256);
  fresh.carry();
  REQUIRE(fresh.engine->is_holding());
  const auto said_by_first = first.client.take_output();
  const auto said_by_second = second.client.take_output();
  std::size_t turns = 0;
  for (; fresh.calls == 0; ++turns) {
    REQUIRE(turns < said_by_first.size() - 1);  // they are far from done
    first.engine->receive(said_by_first.substr(turns, 1), first.plain, first.output);
    second.engine->receive(said_by_second.substr(turns, 1), second.plain, second.output);
    desk.queue.take_turn();
  }
  REQUIRE(turns == HandshakeQueue::kMostBegun + 1);
}

TEST_CASE("while enough signatures are under way no handshake begins, and those that have go on") {
  Desk desk;
  std::vector<std::unique_ptr<Waiter>> waiters;
  const auto turn = [&] {
    while (desk.queue.take_turn()) {
    }
  };
  Waiter quick(desk.queue, KeyKind::p256);
  quick.carry();
  turn();
  for (std::size_t i = 0; i < HandshakeQueue::kMostSigning + 3; ++i) {
    waiters.push_back(std::make_unique<Waiter>(desk.queue));
    waiters.back()->carry();
    turn();
  }
  REQUIRE(desk.offload.waiting() == HandshakeQueue::kMostSigning);
  REQUIRE(waiters.back()->engine->is_holding());
  quick.carry();
  REQUIRE(quick.engine->state() == State::open);
  SECTION("until one is made") {
    desk.offload.sign_next();
    turn();
    REQUIRE(desk.offload.waiting() == HandshakeQueue::kMostSigning);
    REQUIRE(waiters.front()->calls == 1);
  }
  SECTION("or not wanted any more") {
    waiters.front().reset();
    turn();
    REQUIRE(desk.offload.waiting() == HandshakeQueue::kMostSigning);
  }
}

TEST_CASE(
    "a ClientHello that comes once more counts as a new one, since it wants its signature yet") {
  TlsClientOptions options;
  options.groups = "P-384:X25519";  // X25519 is preferred: a HelloRetryRequest
  Desk desk;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (std::size_t i = 0; i < HandshakeQueue::kMostSigning + 3; ++i) {
    waiters.push_back(std::make_unique<Waiter>(desk.queue, KeyKind::rsa, options));
    waiters.back()->carry();
    desk.queue.take_turn();
  }
  REQUIRE(desk.offload.waiting() == 0);
  for (const auto& waiter : waiters) {
    waiter->carry();
    desk.queue.take_turn();
  }
  REQUIRE(desk.offload.waiting() == HandshakeQueue::kMostSigning);
  REQUIRE(waiters.back()->engine->is_holding());
  for (const auto& waiter : waiters) finish(desk, *waiter);
  for (const auto& waiter : waiters) REQUIRE(waiter->engine->state() == State::open);
}

TEST_CASE("threads sign for several workers at once, and engines go meanwhile") {
  constexpr int kWorkers = 2;
  constexpr int kEach = 24;
  constexpr int kThreads = 2;
  tls::KeyOffload offload(kThreads);
  std::atomic<int> opened{0};
  const auto context = context_with(KeyKind::rsa);  // before there are threads
  std::vector<std::unique_ptr<HandshakeQueue>> queues;
  std::atomic<int> rings[kWorkers] = {};
  for (auto& rung : rings) {
    queues.push_back(std::make_unique<HandshakeQueue>(offload, [&rung] { ++rung; }));
  }
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&, i] {
      auto& queue = *queues[static_cast<std::size_t>(i)];
      std::vector<std::unique_ptr<Waiter>> waiters;
      for (int k = 0; k < kEach; ++k) waiters.push_back(std::make_unique<Waiter>(queue));
      const auto until = std::chrono::steady_clock::now() + 120s;
      for (int round = 0; std::chrono::steady_clock::now() < until; ++round) {
        queue.take_turn();
        int open = 0;
        for (auto& waiter : waiters) {
          if (waiter == nullptr) continue;
          waiter->carry();
          open += waiter->engine->state() == State::open ? 1 : 0;
        }
        // One in three goes, wherever it is by now.
        if (round < kEach && round % 3 == 0) waiters[static_cast<std::size_t>(round)].reset();
        if (round >= kEach && open == kEach - kEach / 3) break;
        std::this_thread::yield();
      }
      for (const auto& waiter : waiters) {
        if (waiter != nullptr && waiter->engine->state() == State::open) ++opened;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  offload.end();
  REQUIRE(opened == kWorkers * (kEach - kEach / 3));
  for (const auto& rung : rings) REQUIRE(rung > 0);
}

TEST_CASE("the threads end though signatures wait") {
  tls::KeyOffload offload(1);
  HandshakeQueue queue(offload, [] {});
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.push_back(std::make_unique<Waiter>(queue));
    waiters.back()->carry();
    queue.take_turn();
  }
  offload.end();
}

}  // namespace postern::test
