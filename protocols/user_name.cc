// See user_name.h.
#include "protocols/user_name.h"

#include <utility>

namespace postern::protocols {

namespace {

std::uint32_t octet(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// The length of the UTF-8 sequence at the front; 0 where there is none (RFC 3629 section 4).
std::size_t utf8_length(std::string_view text) {
  const auto first = octet(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 0 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(text, i) & 0xc0) != 0x80) return 0;
  }
  const auto second = octet(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : length;
}

}  // namespace

void append_utf8(std::string& text, std::uint32_t point) {
  const auto push = [&](std::uint32_t value) { text.push_back(static_cast<char>(value)); };
  if (point < 0x80) {
    push(point);
  } else if (point < 0x800) {
    push(0xc0 | point >> 6);
    push(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    push(0xe0 | point >> 12);
    push(0x80 | (point >> 6 & 0x3f));
    push(0x80 | (point & 0x3f));
  } else {
    push(0xf0 | point >> 18);
    push(0x80 | (point >> 12 & 0x3f));
    push(0x80 | (point >> 6 & 0x3f));
    push(0x80 | (point & 0x3f));
  }
}

std::string latin1_to_utf8(std::string_view text) {
  std::string converted;
  converted.reserve(2 * text.size());
  for (std::size_t i = 0; i < text.size(); ++i) append_utf8(converted, octet(text, i));
  return converted;
}

std::string utf8_or_latin1(std::string_view text) {
  for (auto left = text; !left.empty();) {
    const auto length = utf8_length(left);
    if (length == 0) return latin1_to_utf8(text);
    left.remove_prefix(length);
  }
  return std::string(text);
}

std::string readable_user_name(std::string name) {
  name.resize(name.find_last_not_of('\0') + 1);
  const bool is_plain = name.size() <= kMaxUserName && name.find('\0') == std::string::npos;
  return is_plain ? std::move(name) : std::string();
}

std::string user_name(std::string_view bytes) { return readable_user_name(utf8_or_latin1(bytes)); }

}  // namespace postern::protocols
