// The one door to time. The simulation of the tests has another maker.
#pragma once

#include <chrono>

namespace postern::net {

// A moment of a monotonic clock, from an arbitrary start.
using Instant = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, as of this turn of the loop: cheap, and does not move while a callback runs.
  virtual Instant now() const = 0;
  // Monotonic and exact, for durations that are recorded.
  virtual std::chrono::nanoseconds exact() const = 0;
  // The date and time of day.
  virtual std::chrono::system_clock::time_point wall() const = 0;
};

// The date and time of day of the machine, from any thread; outside the loops.
std::chrono::system_clock::time_point wall_clock();

}  // namespace postern::net
