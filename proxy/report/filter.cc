// See filter.h.
#include "proxy/report/filter.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/net/address.h"

namespace postern::report {

namespace {

constexpr unsigned kMappedBits = 96;  // before the four octets of an IPv4 address

// Decimal digits alone, the whole of `text`.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || text[0] == '-' || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool is_v4(const conf::Prefix& prefix) {
  return prefix.length >= kMappedBits &&
         std::all_of(prefix.address.begin(), prefix.address.begin() + 10,
                     [](auto octet) { return octet == 0; }) &&
         prefix.address[10] == 0xff && prefix.address[11] == 0xff;
}

// Clears the bits behind the prefix.
conf::Prefix masked(conf::Prefix prefix) {
  for (unsigned bit = prefix.length; bit < 128; ++bit) {
    prefix.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return prefix;
}

std::string address_text(const conf::Prefix& prefix) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* const octets = prefix.address.data();
  if (is_v4(prefix)) {
    inet_ntop(AF_INET, octets + kMappedBits / 8, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, octets, text.data(), text.size());
  }
  return text.data();
}

}  // namespace

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number_of<int>(text.substr(0, 4));
  const auto month = number_of<unsigned>(text.substr(5, 2));
  const auto day = number_of<unsigned>(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

Since parse_since(std::string_view text, std::chrono::sys_days today) {
  if (text == "all") return {true, std::nullopt};
  if (const auto day = parse_day(text)) return {true, day};
  if (!text.ends_with('d')) return {};
  const auto days = number_of<unsigned>(text.substr(0, text.size() - 1));
  if (!days || *days == 0 || *days > 36'500) return {};
  return {true, today - std::chrono::days(*days - 1)};
}

std::optional<conf::Prefix> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = net::Address::parse(std::string(text.substr(0, slash)), 0);
  if (!address) return std::nullopt;
  conf::Prefix prefix{address->octets(), 128};
  if (slash == std::string_view::npos) return prefix;
  const auto length = number_of<unsigned>(text.substr(slash + 1));
  const unsigned before = address->is_v4() ? kMappedBits : 0;
  if (!length || *length > 128 - before) return std::nullopt;
  prefix.length = before + *length;
  if (masked(prefix) != prefix) return std::nullopt;
  return prefix;
}

std::optional<conf::Prefix> parse_stored_address(std::string_view text) {
  return parse_network(text);
}

std::string network_of(std::string_view text) {
  auto prefix = parse_stored_address(text);
  if (!prefix) return std::string(text);
  prefix->length = std::min(prefix->length, is_v4(*prefix) ? 120U : 64U);
  return prefix_text(masked(*prefix));
}

bool overlap(const conf::Prefix& a, const conf::Prefix& b) {
  const auto length = std::min(a.length, b.length);
  return masked({a.address, length}).address == masked({b.address, length}).address;
}

std::string prefix_text(const conf::Prefix& prefix) {
  const auto length = is_v4(prefix) ? prefix.length - kMappedBits : prefix.length;
  return fmt::format("{}/{}", address_text(prefix), length);
}

}  // namespace postern::report
