// A greeting is known when it was said for a while, and for a moment.
#include "proxy/backend/known_greetings.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern;
using namespace std::chrono_literals;
using backend::Backend;
using backend::KnownGreetings;
using protocols::Protocol;

namespace {

constexpr std::string_view kWelcome = "* OK ready\r\n";

Backend one_server(std::uint16_t port) {
  return {"b", {*net::Address::parse("127.0.0.1", port)}, 5s, 60s};
}

void learn_well(KnownGreetings& greetings, Protocol protocol, const Backend& backend,
                std::string_view said, net::Instant now) {
  greetings.learn(protocol, backend, said, now - KnownGreetings::kSteady);
  greetings.learn(protocol, backend, said, now);
}

}  // namespace

TEST_CASE("a greeting is known once it was the same for two seconds, and then for a second") {
  KnownGreetings greetings;
  const auto backend = one_server(143);
  greetings.learn(Protocol::imap, backend, kWelcome, 10s);
  REQUIRE(greetings.of(backend, 10s) == nullptr);
  greetings.learn(Protocol::imap, backend, kWelcome, 12s - 1ms);
  REQUIRE(greetings.of(backend, 12s) == nullptr);
  greetings.learn(Protocol::imap, backend, kWelcome, 12s);
  REQUIRE(*greetings.of(backend, 13s) == kWelcome);
  REQUIRE(greetings.of(backend, 13s + 1ms) == nullptr);
  greetings.learn(Protocol::imap, backend, kWelcome, 60s);
  REQUIRE(*greetings.of(backend, 60s) == kWelcome);
}

TEST_CASE("a greeting with the time of day in it is never known") {
  KnownGreetings greetings;
  const auto backend = one_server(25);
  for (auto now = 10'000ms; now < 20'000ms; now += 50ms) {
    const auto said = "220 mail ESMTP 10:00:" + std::to_string(now / 1s) + "\r\n";
    greetings.learn(Protocol::smtp, backend, said, now);
    REQUIRE(greetings.of(backend, now) == nullptr);
  }
}

TEST_CASE("another greeting begins anew, and behind a failure it must be said again") {
  KnownGreetings greetings;
  const auto backend = one_server(143);
  learn_well(greetings, Protocol::imap, backend, kWelcome, 10s);
  SECTION("another") {
    greetings.learn(Protocol::imap, backend, "* OK at 10:00\r\n", 10s);
    REQUIRE(greetings.of(backend, 10s) == nullptr);
    greetings.learn(Protocol::imap, backend, kWelcome, 10s);
  }
  SECTION("one that is no welcome") {
    greetings.learn(Protocol::imap, backend, "* BYE busy\r\n", 10s);
    greetings.learn(Protocol::imap, backend, kWelcome, 10s);
  }
  SECTION("one that is not heard out") {
    greetings.forget(backend);
    greetings.learn(Protocol::imap, backend, kWelcome, 10s);
  }
  SECTION("a failure") {
    greetings.doubt(backend);
    REQUIRE(greetings.of(backend, 10s) == nullptr);
    greetings.learn(Protocol::imap, backend, kWelcome, 10s);
    REQUIRE(*greetings.of(backend, 10s) == kWelcome);
    greetings.doubt(backend);
  }
  REQUIRE(greetings.of(backend, 10s) == nullptr);
}

TEST_CASE("each server has its own greeting, and of several for one backend none is known") {
  KnownGreetings greetings;
  learn_well(greetings, Protocol::imap, one_server(143), kWelcome, 10s);
  REQUIRE(greetings.of(one_server(110), 10s) == nullptr);
  auto two = one_server(25);
  two.servers.push_back(*net::Address::parse("127.0.0.2", 25));
  learn_well(greetings, Protocol::smtp, two, "220 a\r\n", 10s);
  REQUIRE(greetings.of(two, 10s) == nullptr);
}

TEST_CASE("only one line of welcome is learnt") {
  const auto protocol = GENERATE(Protocol::smtp, Protocol::imap, Protocol::pop3);
  const std::string begin = protocol == Protocol::smtp   ? "220 "
                            : protocol == Protocol::imap ? "* OK "
                                                         : "+OK ";
  const auto is_learnt = [&](const std::string& said) {
    KnownGreetings greetings;
    learn_well(greetings, protocol, one_server(1), said, 1s);
    return greetings.of(one_server(1), 1s) != nullptr;
  };
  REQUIRE(is_learnt(begin + "ready\r\n"));
  REQUIRE(
      is_learnt(begin + std::string(KnownGreetings::kLongest - begin.size() - 2, 'x') + "\r\n"));
  REQUIRE_FALSE(
      is_learnt(begin + std::string(KnownGreetings::kLongest - begin.size() - 1, 'x') + "\r\n"));
  REQUIRE_FALSE(is_learnt(begin + "ready"));
  REQUIRE_FALSE(is_learnt(begin + "ready\n"));
  REQUIRE_FALSE(is_learnt(begin + "ready\r\n250 injected\r\n"));
  for (const auto* other : {"220-first\r\n", "421 busy\r\n", "* PREAUTH you\r\n", "* BYE\r\n",
                            "-ERR no\r\n", "\r\n", ""}) {
    REQUIRE_FALSE(is_learnt(other));
  }
}
