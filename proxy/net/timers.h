// Timers by the thousand on one clock: a heap of moments, driven from outside. No system call and
// no libuv handle a timer; the loop and the simulation drive it alike.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "proxy/net/clock.h"

namespace postern::net {

class TimerUser {
 public:
  // The armed moment has come; the timer is no longer armed.
  virtual void on_timer() = 0;

 protected:
  ~TimerUser() = default;
};

class TimerQueue;

// One timer, embedded in its user. Disarms itself when destroyed. Single-threaded.
class Timer {
 public:
  Timer(TimerQueue& queue, TimerUser& user) : queue_(queue), user_(user) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  // Arms it for `when`, or moves it there.
  void arm(Instant when);
  void disarm();
  bool is_armed() const { return index_ != kUnarmed; }
  Instant when() const { return when_; }

 private:
  friend class TimerQueue;
  static constexpr std::size_t kUnarmed = static_cast<std::size_t>(-1);

  TimerQueue& queue_;
  TimerUser& user_;
  Instant when_{};
  std::size_t index_ = kUnarmed;  // its place in the queue's heap
};

// Outlives its timers.
class TimerQueue {
 public:
  // The earliest armed moment.
  std::optional<Instant> next() const;
  // Calls the users of all timers whose moment is not after `now`; each may arm, disarm or destroy
  // any timer. A timer armed meanwhile for a moment that has come waits for the next call.
  void run(Instant now);

 private:
  friend class Timer;
  void insert(Timer& timer);
  void remove(Timer& timer);
  void place(std::size_t index, Timer* timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<Timer*> heap_;  // binary: each is not earlier than its parent
};

}  // namespace postern::net
