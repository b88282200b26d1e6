// See filter.h.
#include "proxy/report/filter.h"

#include <algorithm>
#include <charconv>

#include "conf/dates.h"
#include "conf/prefixes.h"

namespace postern::report {

namespace {

// Decimal digits alone, the whole of `text`.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || text[0] == '-' || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Clears the bits behind the prefix.
conf::Prefix masked(conf::Prefix prefix) {
  for (unsigned bit = prefix.length; bit < 128; ++bit) {
    prefix.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return prefix;
}

}  // namespace

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
  return conf::parse_date(text).value;
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
  return conf::parse_prefix(text).value;
}

std::optional<conf::Prefix> parse_stored_address(std::string_view text) {
  return parse_network(text);
}

std::string network_of(std::string_view text) {
  auto prefix = parse_stored_address(text);
  if (!prefix) return std::string(text);
  prefix->length = std::min(prefix->length, conf::is_ipv4(*prefix) ? 120U : 64U);
  return conf::prefix_text(masked(*prefix));
}

bool overlap(const conf::Prefix& a, const conf::Prefix& b) {
  const auto length = std::min(a.length, b.length);
  return masked({a.address, length}).address == masked({b.address, length}).address;
}

}  // namespace postern::report
