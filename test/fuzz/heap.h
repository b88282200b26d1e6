// Counts the heap of the whole program, for the promise that what is kept has a bound. It replaces
// operator new and delete.
#pragma once

#include <cstddef>

namespace postern::test {

// Octets that operator new has given and that have not been given back.
std::ptrdiff_t heap_in_use();

// Sums up what the calls of one object add to the heap, while others use it in between.
class HeapMeter {
 public:
  void begin() { at_begin_ = heap_in_use(); }
  void end() { sum_ += heap_in_use() - at_begin_; }
  std::ptrdiff_t sum() const { return sum_; }

 private:
  std::ptrdiff_t at_begin_ = 0;
  std::ptrdiff_t sum_ = 0;
};

}  // namespace postern::test
