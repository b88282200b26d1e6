// What of the inventory is asked for.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "conf/settings.h"

namespace postern::report {

struct Filter {
  std::optional<std::chrono::sys_days> since;  // none: all there is
  std::string listener;                        // "": all
  std::optional<conf::Prefix> network;
  std::string user;  // pattern as in rules, in lower case; "" : all
};

// "30d" (that many days up to today and with it), "2026-11-01", or "all".
struct Since {
  bool is_valid = false;
  std::optional<std::chrono::sys_days> day;
};
Since parse_since(std::string_view text, std::chrono::sys_days today);

// YYYY-MM-DD, a day that there is.
std::optional<std::chrono::sys_days> parse_day(std::string_view text);

// "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits behind the prefix must be 0.
std::optional<conf::Prefix> parse_network(std::string_view text);

// The address of an inventory's row, and how much of it is known: an IPv4 address wholly, of IPv6 its
// /64. None for what is no address (rows of an overflow).
std::optional<conf::Prefix> parse_stored_address(std::string_view text);

// The network that reports gather it in: "192.0.2.0/24", "2001:db8:1:2::/64"; else `text` itself.
std::string network_of(std::string_view text);

// Whether the two share an address.
bool overlap(const conf::Prefix& a, const conf::Prefix& b);

}  // namespace postern::report
