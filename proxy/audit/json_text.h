// Text as a JSON string, whatever it holds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::audit {

inline constexpr std::size_t kMostText = 256;  // octets of one value, as UTF-8

// Appends `text` in quotes, in printable ASCII: quote and backslash escaped, control characters and
// all that is not ASCII as \uXXXX, each octet that belongs to no character of UTF-8 (RFC 3629) as
// U+FFFD. Cut behind the last character that leaves the value, read back, at most kMostText octets.
void append_json_text(std::string& out, std::string_view text);

}  // namespace postern::audit
