// See json_text.h.
#include "proxy/audit/json_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace postern::audit {

namespace {

constexpr char32_t kReplacement = 0xfffd;

// What stands for itself in a JSON string.
constexpr auto kIsPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

std::size_t plain_at_the_beginning(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && kIsPlain[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

struct Character {
  char32_t code;
  std::size_t size;  // octets taken
};

// The character that begins `text`, which is not empty; kReplacement and one octet where none does.
Character first_of(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = octet(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {kReplacement, 1};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return {kReplacement, 1};
    code = (code << 6) | (octet(i) & 0x3fU);
  }
  const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  if (is_overlong || is_surrogate || code > 0x10ffff) return {kReplacement, 1};
  return {code, size};
}

constexpr std::size_t size_of(char32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::array<char, 6> text = {'\\',
                                    'u',
                                    kDigits[unit >> 12],
                                    kDigits[(unit >> 8) & 0xf],
                                    kDigits[(unit >> 4) & 0xf],
                                    kDigits[unit & 0xf]};
  out.append(text.data(), text.size());
}

void append_escaped(std::string& out, char32_t code) {
  if (code == '"' || code == '\\') {
    out += '\\';
    out += static_cast<char>(code);
  } else if (code < 0x10000) {
    append_unit(out, code);
  } else {  // a pair of surrogates
    append_unit(out, 0xd800 + ((code - 0x10000) >> 10));
    append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
  }
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  auto room = kMostText;
  while (!text.empty()) {
    const auto plain = std::min(plain_at_the_beginning(text), room);
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    room -= plain;
    if (text.empty() || room == 0) break;
    const auto [code, size] = first_of(text);
    if (size_of(code) > room) break;
    append_escaped(out, code);
    text.remove_prefix(size);
    room -= size_of(code);
  }
  out += '"';
}

}  // namespace postern::audit
