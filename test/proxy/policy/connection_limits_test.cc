// Counting connections.
#include "proxy/policy/connection_limits.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using postern::policy::ConnectionLimits;
using Answer = ConnectionLimits::Answer;

namespace {

ConnectionLimits::Key address(std::uint8_t last) {
  ConnectionLimits::Key key{};
  key.back() = last;
  return key;
}

}  // namespace

TEST_CASE("an address has its limit, all together have theirs, and leaving makes room") {
  ConnectionLimits limits(3, 2);
  REQUIRE(limits.enter(address(1)) == Answer::entered);
  REQUIRE(limits.enter(address(1)) == Answer::entered);
  REQUIRE(limits.enter(address(1)) == Answer::too_many_from_address);
  REQUIRE(limits.enter(address(2)) == Answer::entered);
  REQUIRE(limits.enter(address(3)) == Answer::too_many);
  REQUIRE(limits.count() == 3);
  limits.leave(address(1));
  REQUIRE(limits.enter(address(1)) == Answer::entered);
}

TEST_CASE("a connection without a client's name counts among all, and later to its client") {
  ConnectionLimits limits(2, 1);
  REQUIRE(limits.enter_unknown());
  REQUIRE(limits.enter_unknown());
  REQUIRE_FALSE(limits.enter_unknown());
  REQUIRE(limits.enter(address(1)) == Answer::too_many);
  REQUIRE(limits.name(address(1)) == Answer::entered);
  REQUIRE(limits.name(address(1)) == Answer::too_many_from_address);
  REQUIRE(limits.count() == 1);
  limits.leave(address(1));
  REQUIRE(limits.enter_unknown());
  limits.leave_unknown();
  REQUIRE(limits.count() == 0);
}

TEST_CASE("four threads at once never exceed the limits, and leave nothing behind") {
  ConnectionLimits limits(50, 20);
  std::atomic<bool> is_exceeded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        const auto key = address(static_cast<std::uint8_t>(round % 7));
        if (limits.enter(key) != Answer::entered) continue;
        if (limits.count() > 50 + 4) is_exceeded = true;  // one in flight for each thread
        limits.leave(key);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE_FALSE(is_exceeded);
  REQUIRE(limits.count() == 0);
}
