// Values from text, pure: sizes, times, addresses, names. Each function gives the value, or what it
// would have taken, in words that fit behind "expected ".
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "conf/settings.h"

namespace postern::conf {

template <class T>
struct Parsed {
  std::optional<T> value;
  std::string expected;  // where there is no value
};

// A whole number without sign, unit or leading zero.
Parsed<std::size_t> parse_count(std::string_view text, std::size_t least, std::size_t most);

// A whole number and one of B, KiB, MiB, GiB: "64KiB". In octets.
Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most);

// A whole number and one of ms, s, m, h, d: "30s", "5m".
Parsed<std::chrono::milliseconds> parse_time(std::string_view text, std::chrono::milliseconds least,
                                             std::chrono::milliseconds most);
// The longest that any setting may be, and parse_time() from `least` up to that: zero means something
// only where there is something to wait for in vain.
inline constexpr std::chrono::milliseconds kLongestTime = std::chrono::hours(24 * 30);
inline auto time_from(std::chrono::milliseconds least) {
  return [least](std::string_view text) { return parse_time(text, least, kLongestTime); };
}

// The largest unit that gives a whole number: "64KiB", "35m".
std::string size_text(std::size_t octets);
std::string time_text(std::chrono::milliseconds time);

// A numeric address and a port that is not 0: "0.0.0.0:25", "[::]:25". The address comes out in its
// shortest form (RFC 5952), so that equal ones are equal.
Parsed<Endpoint> parse_listener_address(std::string_view text);

// The same, or a host name and a port: "mail.internal:143". Names come out in lower case.
Parsed<Endpoint> parse_server(std::string_view text);

// A numeric IPv4 or IPv6 address without brackets, in its shortest form; none for anything else.
std::optional<std::string> parse_ip(std::string_view text);

// A host name (RFC 1123 section 2.1), in lower case: labels of 1 to 63 letters, digits and hyphens,
// 253 octets in all, no dot at its end. One whose last label is a number is none: it is an address
// with a mistake. `parse_server_name` takes `_` too, since name servers inside do.
Parsed<std::string> parse_host_name(std::string_view text);
Parsed<std::string> parse_server_name(std::string_view text);

// The name of a listener or backend: 1 to 64 letters, digits, `.`, `_`, `-`.
Parsed<std::string> parse_name(std::string_view text);

// The name of a user of the system: 1 to 32 letters, digits, `.`, `_`, `-`, no digit or `-` first.
Parsed<std::string> parse_user(std::string_view text);

// A path: not empty, at most 4096 octets, no control characters.
Parsed<std::string> parse_path(std::string_view text);

// An SMTP verb or EHLO keyword: 1 to 32 letters, digits and hyphens, no hyphen first. In upper
// case.
Parsed<std::string> parse_verb(std::string_view text);

// "0.0.0.0:25", "[::1]:25", "mail.internal:25".
std::string endpoint_text(const Endpoint& endpoint);

}  // namespace postern::conf
