// A stop that the fuzzer sees.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace postern::test {

// Ends the program where an invariant does not hold; `what` is its name.
inline void demand(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "broken: " << what << "\n";
  std::abort();
}

}  // namespace postern::test
