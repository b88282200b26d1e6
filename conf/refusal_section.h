// The section `refusal`: what stands in postern's own replies.
#pragma once

#include <cstddef>

#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

// Of each of the two, in octets: with both of them the longest reply stays within the 512 octets of
// RFC 5321 section 4.5.3.1.5 and RFC 2449 section 4.
inline constexpr std::size_t kLongestRefusal = 160;

void read_refusal(const Value& value, Refusal& refusal);

}  // namespace postern::conf
