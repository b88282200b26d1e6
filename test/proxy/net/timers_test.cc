// Timers on a clock that the test moves.
#include "proxy/net/timers.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <random>
#include <vector>

using postern::net::Instant;
using postern::net::Timer;
using postern::net::TimerQueue;

namespace {

struct Alarm final : postern::net::TimerUser {
  explicit Alarm(TimerQueue& queue) : timer(queue, *this) {}
  void on_timer() override {
    ++rings;
    if (then) then();
  }
  Timer timer;
  int rings = 0;
  std::function<void()> then;
};

}  // namespace

TEST_CASE("timers ring in the order of their moments, whatever the order of arming and moving") {
  std::mt19937 random(7);
  TimerQueue queue;
  std::deque<Alarm> alarms;
  std::vector<Instant> rung;
  for (int i = 0; i < 300; ++i) {
    auto& alarm = alarms.emplace_back(queue);
    alarm.then = [&rung, &alarm] { rung.push_back(alarm.timer.when()); };
  }
  std::size_t armed = 0;
  for (int move = 0; move < 3000; ++move) {
    auto& timer = alarms[random() % alarms.size()].timer;
    if (random() % 4 == 0) {
      timer.disarm();
    } else {
      timer.arm(Instant(random() % 1000));
    }
  }
  for (const auto& alarm : alarms) armed += alarm.timer.is_armed() ? 1 : 0;
  queue.run(Instant(499));
  REQUIRE(std::ranges::is_sorted(rung));
  REQUIRE(std::ranges::all_of(rung, [](Instant when) { return when <= Instant(499); }));
  REQUIRE(*queue.next() > Instant(499));
  queue.run(Instant(1000));
  REQUIRE(rung.size() == armed);
  REQUIRE_FALSE(queue.next());
}

TEST_CASE("a timer that arms itself again for the past rings once a run") {
  TimerQueue queue;
  Alarm alarm(queue);
  alarm.then = [&] { alarm.timer.arm(Instant(1)); };
  alarm.timer.arm(Instant(5));
  queue.run(Instant(10));
  REQUIRE(alarm.rings == 1);
  REQUIRE(queue.next() == Instant(1));
}

TEST_CASE("a callback may destroy another timer that is due") {
  TimerQueue queue;
  Alarm first(queue);
  auto second = std::make_unique<Alarm>(queue);
  first.then = [&] { second.reset(); };
  first.timer.arm(Instant(1));
  second->timer.arm(Instant(2));
  queue.run(Instant(3));
  REQUIRE(first.rings == 1);
  REQUIRE(second == nullptr);
  REQUIRE_FALSE(queue.next());
}
