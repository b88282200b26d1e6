// Whether the calendar may be trusted with removing what is old: a clock that was set years ahead, as
// by a battery that died, would remove all there is.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace postern::audit::inventory {

// For one thread. Days are days since 1970 (UTC).
class DayWatch {
 public:
  using Steady = std::chrono::steady_clock;
  // So far a day may be ahead of the one seen before; beyond, it has to last so long.
  static constexpr std::int64_t kMostAhead = 7;
  static constexpr std::chrono::hours kProof{24};

  // The last day of which something is known; nullopt: nothing that could be lost by mistake.
  explicit DayWatch(std::optional<std::int64_t> last) : last_(last) {}

  // To be told the day often. Whether it may be gone by now.
  bool may_go_by(std::int64_t day, Steady::time_point now) {
    if (last_ && day > *last_ + kMostAhead) {
      held_until_ = now + kProof;
    } else if (last_ && day < *last_) {
      held_until_ = {};  // set right again
    }
    last_ = day;
    return now >= held_until_;
  }

 private:
  std::optional<std::int64_t> last_;
  Steady::time_point held_until_{};
};

}  // namespace postern::audit::inventory
