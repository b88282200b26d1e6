// User names as a Login holds them: the same person the same way, however the name came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::protocols {

// Octets of a name: what a server must take (RFC 4616 section 2).
inline constexpr std::size_t kMaxUserName = 255;

// UTF-8 as it is; anything else is taken for Latin-1, as old clients send it, and becomes UTF-8. NULs
// at its end are no part of it. "" for what servers read differently, so that nobody knows who it
// is: a NUL within (it ends there for some), more than kMaxUserName octets (some cut it).
std::string user_name(std::string_view bytes);

// The same for what is UTF-8 already.
std::string readable_user_name(std::string name);

std::string utf8_or_latin1(std::string_view text);
std::string latin1_to_utf8(std::string_view text);

// Adds a code point in UTF-8.
void append_utf8(std::string& text, std::uint32_t point);

}  // namespace postern::protocols
