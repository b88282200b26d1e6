// Values from text.
#include "conf/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>

#include "conf/source.h"

namespace postern::conf {
namespace {

constexpr std::size_t kLongestHostName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestUser = 32;
constexpr std::size_t kLongestVerb = 32;
constexpr std::size_t kLongestPath = 4096;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

// Digits alone, without a leading zero.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

struct Unit {
  std::string_view text;
  std::uint64_t factor;
};
constexpr std::array kSizeUnits = {Unit{"B", 1}, Unit{"KiB", 1024}, Unit{"MiB", 1024 * 1024},
                                   Unit{"GiB", 1024 * 1024 * 1024}};
constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                   Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  const auto split = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
  const auto number = whole_number(text.substr(0, static_cast<std::size_t>(split)));
  const auto rest = text.substr(static_cast<std::size_t>(split));
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.text == rest; });
  if (!number || unit == units.end()) return std::nullopt;
  if (*number > std::numeric_limits<std::uint64_t>::max() / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

std::string unit_text(std::uint64_t number, std::span<const Unit> units) {
  const Unit* best = &units[0];
  for (const auto& unit : units)
    if (number >= unit.factor && number % unit.factor == 0) best = &unit;
  return std::to_string(number / best->factor) + std::string(best->text);
}

// Host and port of "host:port" or "[host]:port", neither looked at yet.
struct HostAndPort {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
};

std::optional<HostAndPort> split_endpoint(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    if (end == std::string_view::npos) return std::nullopt;
    return HostAndPort{text.substr(1, end - 1), text.substr(end + 2), true};
  }
  const std::size_t colon = text.find(':');
  // More than one colon is IPv6 without brackets: where its port begins nobody can tell.
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    return std::nullopt;
  return HostAndPort{text.substr(0, colon), text.substr(colon + 1), false};
}

std::string_view looks_like_ipv6(std::string_view text) {
  return std::count(text.begin(), text.end(), ':') > 1 && !text.starts_with('[')
             ? "brackets around the IPv6 address and a port behind them, such as [::1]:25"
             : "";
}

enum class Hosts { numeric, names_too };

Parsed<Endpoint> parse_endpoint(std::string_view text, Hosts hosts) {
  const std::string expected =
      hosts == Hosts::numeric
          ? "a numeric address and a port, such as 0.0.0.0:25 or [::]:25"
          : "an address or host name and a port, such as 192.0.2.10:25, [2001:db8::1]:25 or "
            "mail.internal:25";
  if (const auto hint = looks_like_ipv6(text); !hint.empty()) return {{}, std::string(hint)};
  const auto parts = split_endpoint(text);
  if (!parts) return {{}, expected};
  const auto port = whole_number(parts->port);
  if (!port || *port < 1 || *port > 65535) return {{}, "a port from 1 to 65535 behind the address"};
  std::optional<std::string> host = parse_ip(parts->host);
  const bool is_ipv6 = host && host->find(':') != std::string::npos;
  if (parts->bracketed != is_ipv6) return {{}, expected};
  if (!host && hosts == Hosts::names_too) host = parse_server_name(parts->host).value;
  if (!host) return {{}, expected};
  return {Endpoint{std::move(*host), static_cast<std::uint16_t>(*port)}, ""};
}

bool is_label(std::string_view label, std::string_view extra) {
  const auto may_stand = [&](char c) {
    return is_alphanumeric(c) || extra.find(c) != std::string_view::npos;
  };
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), may_stand);
}

std::optional<std::string> host_name(std::string_view text, std::string_view extra) {
  if (text.empty() || text.size() > kLongestHostName) return std::nullopt;
  std::string_view label;
  for (std::string_view rest = text;;) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (!is_label(label, extra)) return std::nullopt;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (std::all_of(label.begin(), label.end(), is_digit)) return std::nullopt;
  return in_lower_case(text);
}

// 1 to `longest` letters and digits, or characters of `extra`; the first one none of `not_first`.
bool is_word(std::string_view text, std::size_t longest, std::string_view extra,
             std::string_view not_first) {
  if (text.empty() || text.size() > longest) return false;
  if (not_first.find(text[0]) != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || extra.find(c) != std::string_view::npos;
  });
}

}  // namespace

Parsed<std::size_t> parse_count(std::string_view text, std::size_t least, std::size_t most) {
  const auto number = whole_number(text);
  if (number && *number >= least && *number <= most) return {*number, ""};
  return {{}, "a whole number from " + std::to_string(least) + " to " + std::to_string(most)};
}

Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most) {
  const auto octets = with_unit(text, kSizeUnits);
  if (octets && *octets >= least && *octets <= most) return {*octets, ""};
  return {{},
          "a size from " + size_text(least) + " to " + size_text(most) +
              ", with its unit B, KiB, MiB or GiB"};
}

Parsed<std::chrono::milliseconds> parse_time(std::string_view text, std::chrono::milliseconds least,
                                             std::chrono::milliseconds most) {
  const auto number = with_unit(text, kTimeUnits);
  // Both bounds are positive, so that the comparison also excludes what does not fit.
  if (number && *number >= static_cast<std::uint64_t>(least.count()) &&
      *number <= static_cast<std::uint64_t>(most.count()))
    return {std::chrono::milliseconds(static_cast<std::int64_t>(*number)), ""};
  return {{},
          "a time from " + time_text(least) + " to " + time_text(most) +
              ", with its unit ms, s, m, h or d"};
}

std::string size_text(std::size_t octets) { return unit_text(octets, kSizeUnits); }

std::string time_text(std::chrono::milliseconds time) {
  const auto number = static_cast<std::uint64_t>(time.count());
  return number == 0 ? "0s" : unit_text(number, kTimeUnits);
}

std::optional<std::string> parse_ip(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string zero_ended(text);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  for (const int family : {AF_INET, AF_INET6})
    if (inet_pton(family, zero_ended.c_str(), address.data()) == 1)
      return inet_ntop(family, address.data(), out.data(), out.size());
  return std::nullopt;
}

Parsed<Endpoint> parse_listener_address(std::string_view text) {
  return parse_endpoint(text, Hosts::numeric);
}

Parsed<Endpoint> parse_server(std::string_view text) {
  return parse_endpoint(text, Hosts::names_too);
}

Parsed<std::string> parse_host_name(std::string_view text) {
  if (auto name = host_name(text, "-")) return {std::move(name), ""};
  return {{}, "a host name of letters, digits, hyphens and dots, such as mail.example.com"};
}

Parsed<std::string> parse_server_name(std::string_view text) {
  if (auto name = host_name(text, "-_")) return {std::move(name), ""};
  return {{}, "a host name, such as mail.internal"};
}

Parsed<std::string> parse_name(std::string_view text) {
  if (is_word(text, kLongestName, "._-", "")) return {std::string(text), ""};
  return {{}, "1 to 64 letters, digits, `.`, `_` and `-`"};
}

Parsed<std::string> parse_user(std::string_view text) {
  if (is_word(text, kLongestUser, "._-", "0123456789-")) return {std::string(text), ""};
  return {{}, "the name of a user of this system"};
}

Parsed<std::string> parse_path(std::string_view text) {
  bool is_path = !text.empty() && text.size() <= kLongestPath;
  for (std::string_view rest = text; is_path && !rest.empty();) {
    const std::size_t length = character_length(rest);
    is_path = length > 0 && !is_control(rest);
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  if (is_path) return {std::string(text), ""};
  return {{}, "a path of at most 4096 octets, without control characters"};
}

Parsed<std::string> parse_verb(std::string_view text) {
  if (!is_word(text, kLongestVerb, "-", "-"))
    return {{}, "an SMTP verb of letters, digits and hyphens, such as VRFY"};
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), upper);
  return {std::move(out), ""};
}

std::string endpoint_text(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

}  // namespace postern::conf
