// Pieces of text, see words.h.
#include "proxy/demo/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>

namespace postern::demo {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char upper_octet(char octet) {
  return octet >= 'a' && octet <= 'z' ? static_cast<char>(octet - 'a' + 'A') : octet;
}

// The C locale's names, since nothing here ever calls setlocale().
std::string formatted(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  return std::string(text.data(), std::strftime(text.data(), text.size(), format, &parts));
}

}  // namespace

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), upper_octet);
  return result;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, upper_octet, upper_octet);
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return word;
}

std::string_view without_newline(std::string_view line) {
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

long number_from(std::string_view digits) {
  long number = -1;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  const bool is_whole = error == std::errc() && rest == end && digits.size() <= 9;
  return is_whole && digits[0] != '-' ? number : -1;
}

std::string base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < 3; ++index) {
      const auto octet = index < group.size() ? static_cast<unsigned char>(group[index]) : 0;
      bits = bits << 8 | static_cast<std::uint32_t>(octet);
    }
    for (std::size_t index = 0; index < 4; ++index) {
      text += index <= group.size() ? kBase64[bits >> (18 - 6 * index) & 63] : '=';
    }
  }
  return text;
}

std::string from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return "";
  }
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) {
    text.remove_suffix(1);
  }
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char symbol : text) {
    const std::size_t value = kBase64.find(symbol);
    if (value == std::string_view::npos) {
      return "";
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes += static_cast<char>(bits >> held & 255);
    }
  }
  return bytes;
}

std::string mail_date(std::chrono::system_clock::time_point time) {
  return formatted(time, "%a, %d %b %Y %H:%M:%S +0000");
}

std::string imap_date(std::chrono::system_clock::time_point time) {
  return formatted(time, "%d-%b-%Y %H:%M:%S +0000");
}

}  // namespace postern::demo
