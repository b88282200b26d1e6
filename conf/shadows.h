// Rules that can never match, since an earlier one takes all that they would.
#pragma once

#include <cstddef>
#include <vector>

#include "conf/draft.h"

namespace postern::conf {

// Indices of rules.
struct Shadow {
  std::size_t hidden = 0;
  std::size_t by = 0;

  bool operator==(const Shadow&) const = default;
};

// Each rule that one earlier rule hides wholly, with the first that does. Several that hide it only
// together are not looked for. Rules that are not whole hide nothing and are not hidden.
std::vector<Shadow> shadows(const Draft& draft);

}  // namespace postern::conf
