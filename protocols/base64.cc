// See base64.h.
#include "protocols/base64.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

bool decode_base64(std::string_view text, std::string& into) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  wipe(into);
  into.reserve(text.size() / 4 * 3 + 3);  // so that it never moves and leaves a copy behind
  std::uint32_t group = 0;
  int digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto value = kValues[static_cast<unsigned char>(c)];
    if (value == kNone || padding > 0) {
      wipe(into);
      return false;
    }
    group = group << 6 | value;
    if (++digits < 4) continue;
    into.push_back(static_cast<char>(group >> 16 & 0xff));
    into.push_back(static_cast<char>(group >> 8 & 0xff));
    into.push_back(static_cast<char>(group & 0xff));
    digits = 0;
    group = 0;
  }
  if (digits == 1 || padding > 2) {
    wipe(into);
    return false;
  }
  if (digits >= 2) into.push_back(static_cast<char>(group >> (digits == 2 ? 4 : 10) & 0xff));
  if (digits == 3) into.push_back(static_cast<char>(group >> 2 & 0xff));
  return true;
}

}  // namespace postern::protocols
