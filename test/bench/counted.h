// Which instructions the guard counts: those within a Counted, but not those within an Uncounted.
// Valgrind starts the program with counting off (--collect-atstart=no). One thread.
#pragma once

#include <utility>

#ifdef POSTERN_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

namespace postern::bench {

class CountScope {
 public:
  CountScope(const CountScope&) = delete;
  CountScope& operator=(const CountScope&) = delete;

 protected:
  enum class Count { off, on };
  explicit CountScope(Count count) : outer_(set(count)) {}
  ~CountScope() { set(outer_); }

 private:
  static Count set(Count count) {
    static Count current = Count::off;
    if (current != count) {
      CALLGRIND_TOGGLE_COLLECT;
    }
    return std::exchange(current, count);
  }
  const Count outer_;
};

// Around each call into the proxy.
struct Counted : CountScope {
  Counted() : CountScope(Count::on) {}
};

// Within such a call, around what is not the proxy's: the far side of its doors.
struct Uncounted : CountScope {
  Uncounted() : CountScope(Count::off) {}
};

// Writes what was counted since the last call to a file of its own, which names the phase.
inline void end_phase(const char* name) { CALLGRIND_DUMP_STATS_AT(name); }

}  // namespace postern::bench
