// Networks from text, and what lies in them.
#pragma once

#include <string>
#include <string_view>

#include "conf/settings.h"
#include "conf/values.h"

namespace postern::conf {

// A network, "192.0.2.64/28" or "2001:db8::/32", or one address. One of IPv4-mapped IPv6 addresses,
// "::ffff:192.0.2.0/120", is its IPv4 network. Bits behind the prefix must be 0.
Parsed<Prefix> parse_prefix(std::string_view text);

// One address, IPv4 as IPv4-mapped IPv6.
Parsed<AddressOctets> parse_address_octets(std::string_view text);

// "192.0.2.64/28"; one address without its length.
std::string prefix_text(const Prefix& prefix);

// Whether a client at `address` is in the network. One of IPv4 is in no network of IPv6, also not in
// ::/0, which holds its mapped form.
bool contains(const Prefix& prefix, const AddressOctets& address);

// Whether each client in `inner` is in `outer`, too.
bool covers(const Prefix& outer, const Prefix& inner);

// Whether it holds all of IPv4, or all IPv6 addresses that are given out (2000::/3).
bool is_everybody(const Prefix& prefix);

// Whether it is a network of IPv4.
bool is_ipv4(const Prefix& prefix);

}  // namespace postern::conf
