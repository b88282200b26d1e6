// The simulated time: a queue of what will happen, and the clock that follows it. Nothing sleeps.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "proxy/net/clock.h"
#include "test/sim/trace.h"

namespace postern::sim {

constexpr Moment micros(net::Instant time) { return time.count() * 1000; }

class Schedule final : public net::Clock {
 public:
  // As the loop's clock: milliseconds, rounded down.
  net::Instant now() const override { return net::Instant(moment_ / 1000); }
  std::chrono::nanoseconds exact() const override { return std::chrono::microseconds(moment_); }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point(std::chrono::hours(24) * kFirstDay +
                                                 std::chrono::microseconds(moment_));
  }

  Moment moment() const { return moment_; }
  // Runs `task` `delay` microseconds from now, behind what was put there for the same moment.
  void after(Moment delay, std::function<void()> task) {
    events_.push({moment_ + delay, next_++, std::move(task)});
  }
  bool empty() const { return events_.empty(); }
  // The next event's moment; only while not empty().
  Moment next() const { return events_.top().when; }
  void run_next() {
    auto task = std::move(const_cast<Event&>(events_.top()).task);  // it is popped at once
    moment_ = events_.top().when;
    events_.pop();
    task();
  }
  // Moves the clock alone.
  void advance_to(Moment when) { moment_ = when; }

  static constexpr int kFirstDay = 20'000;  // since 1970

 private:
  struct Event {
    Moment when;
    std::uint64_t order;
    std::function<void()> task;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  Moment moment_ = 1'000'000;
  std::uint64_t next_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace postern::sim
