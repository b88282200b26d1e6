// Networks from text.
#include "conf/prefixes.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

namespace postern::conf {
namespace {

constexpr unsigned kMappedLength = 96;  // of ::ffff:0:0/96, RFC 4291 section 2.5.5.2
constexpr AddressOctets kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const AddressOctets& address) {
  return std::equal(address.begin(), address.begin() + kMappedLength / 8, kMapped.begin());
}

struct Address {
  AddressOctets octets{};
  bool is_ipv4 = false;  // as written
};

std::optional<Address> parse_address(std::string_view text) {
  const auto shortest = parse_ip(text);
  if (!shortest) return std::nullopt;
  Address address;
  if (inet_pton(AF_INET6, shortest->c_str(), address.octets.data()) == 1) return address;
  address.is_ipv4 = true;
  address.octets = kMapped;
  if (inet_pton(AF_INET, shortest->c_str(), address.octets.data() + kMappedLength / 8) != 1)
    return std::nullopt;
  return address;
}

// The address with all bits behind the first `length` at 0.
AddressOctets masked(AddressOctets address, unsigned length) {
  for (unsigned i = 0; i < address.size(); ++i) {
    const unsigned kept = length > i * 8 ? std::min(length - i * 8, 8U) : 0;
    address[i] = static_cast<std::uint8_t>(address[i] & (0xff00U >> kept));
  }
  return address;
}

}  // namespace

bool is_ipv4(const Prefix& prefix) {
  return prefix.length >= kMappedLength && is_mapped(prefix.address);
}

bool is_everybody(const Prefix& prefix) {
  constexpr Prefix kGivenOut = {{0x20}, 3};
  return is_ipv4(prefix) ? prefix.length == kMappedLength : covers(prefix, kGivenOut);
}

Parsed<Prefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address)
    return {{}, "a network or address, such as 192.0.2.64/28, 2001:db8::/32 or 192.0.2.7"};
  Prefix prefix;
  prefix.address = address->octets;
  if (slash != std::string_view::npos) {
    const auto length =
        parse_count(text.substr(slash + 1), 0, address->is_ipv4 ? 128 - kMappedLength : 128);
    if (!length.value) return {{}, "a prefix length behind `/`, " + length.expected};
    prefix.length = static_cast<unsigned>(*length.value) + (address->is_ipv4 ? kMappedLength : 0);
  }
  prefix.address = masked(prefix.address, prefix.length);
  if (prefix.address != address->octets)
    return {{}, prefix_text(prefix) + " (bits behind the prefix are 0)"};
  return {prefix, ""};
}

Parsed<AddressOctets> parse_address_octets(std::string_view text) {
  const auto address = parse_address(text);
  if (!address) return {{}, "a numeric IPv4 or IPv6 address, such as 192.0.2.7"};
  return {address->octets, ""};
}

std::string prefix_text(const Prefix& prefix) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_4 = is_ipv4(prefix);
  const auto* const octets = prefix.address.data() + (is_4 ? kMappedLength / 8 : 0);
  inet_ntop(is_4 ? AF_INET : AF_INET6, octets, text.data(), text.size());
  if (prefix.length == 128) return text.data();
  return std::string(text.data()) + "/" +
         std::to_string(prefix.length - (is_4 ? kMappedLength : 0));
}

bool contains(const Prefix& prefix, const AddressOctets& address) {
  if (prefix.length < kMappedLength && is_mapped(address)) return false;
  return masked(address, prefix.length) == prefix.address;
}

bool covers(const Prefix& outer, const Prefix& inner) {
  if (outer.length > inner.length) return false;
  if (is_ipv4(outer) != is_ipv4(inner)) return false;
  return masked(inner.address, outer.length) == outer.address;
}

}  // namespace postern::conf
