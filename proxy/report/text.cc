// See text.h.
#include "proxy/report/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace postern::report {

namespace {

// A character of UTF-8 and how many octets it took; octets 0: they are none (RFC 3629).
struct Character {
  char32_t value = 0;
  std::size_t octets = 0;
};

Character first_of(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t octets = lead >= 0xf0 && lead < 0xf5   ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (octets == 0 || text.size() < octets) return {};
  char32_t value = lead & (0xff >> (octets + 1));
  for (std::size_t i = 1; i < octets; ++i) {
    if ((at(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (at(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[octets] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {value, octets};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Letters that stand alone, one column wide: Latin, Greek, Cyrillic; then kana, Han, Hangul, two
// wide.
constexpr auto kNarrow = std::to_array<Range>({
    {0x20, 0x7e},
    {0xa1, 0xac},
    {0xae, 0x24f},
    {0x370, 0x377},
    {0x37a, 0x37f},
    {0x384, 0x38a},
    {0x38c, 0x38c},
    {0x38e, 0x3a1},
    {0x3a3, 0x482},
    {0x48a, 0x52f},
    {0x1e00, 0x1eff},
    {0x2026, 0x2026},
});
constexpr auto kWide = std::to_array<Range>({
    {0x3041, 0x3096},
    {0x30a1, 0x30fa},
    {0x4e00, 0x9fff},
    {0xac00, 0xd7a3},
});

template <std::size_t N>
bool is_in(const std::array<Range, N>& ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return value >= range.first && value <= range.last;
  });
}

std::size_t columns_of(char32_t value) { return is_in(kWide, value) ? 2 : 1; }

std::string escape_of(char32_t value) {
  switch (value) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return value < 0x80 ? fmt::format("\\x{:02x}", static_cast<unsigned>(value))
                          : fmt::format("\\u{{{:x}}}", static_cast<unsigned>(value));
  }
}

constexpr std::string_view kCut = "…";

}  // namespace

std::string harmless(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    if (characters == most) return out.append(kCut);
    const auto [value, octets] = first_of(text);
    if (octets == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if (is_in(kNarrow, value) || is_in(kWide, value)) {
      out += text.substr(0, octets);
    } else {
      out += escape_of(value);
    }
    text.remove_prefix(std::max<std::size_t>(octets, 1));
  }
  return out;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [value, octets] = first_of(text);
    width += columns_of(value);
    text.remove_prefix(std::max<std::size_t>(octets, 1));
  }
  return width;
}

std::string cut_to(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 1;  // the sign that something is missing
  while (!text.empty()) {
    const auto [value, octets] = first_of(text);
    used += columns_of(value);
    if (used > width) break;
    out += text.substr(0, std::max<std::size_t>(octets, 1));
    text.remove_prefix(std::max<std::size_t>(octets, 1));
  }
  return out.append(kCut);
}

std::string day_text(std::chrono::sys_days day) { return fmt::format("{:%Y-%m-%d}", day); }

std::string moment_text(Moment moment) {
  return fmt::format("{:%Y-%m-%d %H:%M}", std::chrono::floor<std::chrono::seconds>(moment));
}

std::string exact_text(Moment moment) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(moment);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", seconds, (moment - seconds).count());
}

std::string people_text(const Cell& cell, Kind kind) {
  if (const auto* const text = std::get_if<std::string>(&cell)) {
    return text->empty() ? "-" : harmless(*text);
  }
  if (const auto* const number = std::get_if<std::int64_t>(&cell)) {
    return fmt::format("{}", *number);
  }
  if (const auto* const real = std::get_if<double>(&cell)) {
    return kind == Kind::share ? fmt::format("{:.1f} %", *real * 100) : fmt::format("{}", *real);
  }
  if (const auto* const flag = std::get_if<bool>(&cell)) return *flag ? "yes" : "no";
  if (const auto* const day = std::get_if<std::chrono::sys_days>(&cell)) return day_text(*day);
  if (const auto* const moment = std::get_if<Moment>(&cell)) return moment_text(*moment);
  return "-";
}

std::string csv_field(const Cell& cell, Kind kind) {
  std::string field;
  if (const auto* const text = std::get_if<std::string>(&cell)) {
    field = harmless(*text);
    // What Excel and its like would compute, or call.
    if (!field.empty() && std::string_view("=+-@").find(field[0]) != std::string_view::npos) {
      field.insert(field.begin(), '\'');
    }
  } else if (const auto* const real = std::get_if<double>(&cell)) {
    field = fmt::format("{:.6g}", *real);
  } else if (const auto* const flag = std::get_if<bool>(&cell)) {
    field = *flag ? "true" : "false";
  } else if (const auto* const moment = std::get_if<Moment>(&cell)) {
    field = exact_text(*moment);
  } else if (!std::holds_alternative<std::monostate>(cell)) {
    field = people_text(cell, kind);
  }
  if (field.find_first_of("\",\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace postern::report
