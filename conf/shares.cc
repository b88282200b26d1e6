// Parts of all from text.
#include "conf/shares.h"

#include <algorithm>
#include <cstddef>

namespace postern::conf {
namespace {

constexpr std::size_t kHundredths = 100;  // in a percent
constexpr std::size_t kMostDecimals = 2;

// One or two decimals as hundredths, "5" as 50.
Parsed<std::size_t> parse_decimals(std::string_view text) {
  const bool are_digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || text.size() > kMostDecimals || !are_digits) return {};
  const auto digit = [&](std::size_t at) {
    return at < text.size() ? static_cast<std::size_t>(text[at] - '0') : 0;
  };
  return {digit(0) * 10 + digit(1), ""};
}

}  // namespace

Parsed<Share> parse_share(std::string_view text) {
  const std::string expected = "a share from 0% to 100%, such as 10% or 0.5%";
  if (!text.ends_with('%')) return {{}, expected};
  text.remove_suffix(1);
  const std::size_t dot = text.find('.');
  const auto whole = parse_count(text.substr(0, dot), 0, 100);
  const auto decimals = dot == std::string_view::npos ? Parsed<std::size_t>{0, ""}
                                                      : parse_decimals(text.substr(dot + 1));
  if (!whole.value || !decimals.value) return {{}, expected};
  const std::size_t value = *whole.value * kHundredths + *decimals.value;
  if (value > Share::kAll) return {{}, expected};
  return {Share{static_cast<unsigned>(value)}, ""};
}

std::string share_text(Share share) {
  std::string out = std::to_string(share.value / kHundredths);
  if (const auto rest = share.value % kHundredths; rest > 0) {
    out += '.';
    out += static_cast<char>('0' + rest / 10);
    if (rest % 10 > 0) out += static_cast<char>('0' + rest % 10);
  }
  return out + "%";
}

}  // namespace postern::conf
