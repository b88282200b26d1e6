// See ja4.h.
//
// A ClientHello is bounded (BoringSSL takes 16 KiB), so the lists are, and sorting them costs less
// than the signature that a hello asks for.
#include "tls/ja4.h"

#include <algorithm>

#include "tls/digest.h"
#include "tls/grease.h"

namespace postern::tls {

namespace {

using Numbers = std::vector<std::uint16_t>;

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::uint16_t kServerName = 0x0000;
constexpr std::uint16_t kAlpn = 0x0010;

Numbers without_grease(Numbers numbers) {
  numbers.erase(std::remove_if(numbers.begin(), numbers.end(),
                               [](std::uint16_t number) { return is_grease(number); }),
                numbers.end());
  return numbers;
}

std::string_view version_text(const Numbers& versions) {
  switch (versions.empty() ? 0 : *std::max_element(versions.begin(), versions.end())) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

// Two digits, whatever the count.
void append_count(std::string& text, std::size_t count) {
  const auto shown = std::min<std::size_t>(count, 99);
  text += kDigits[shown / 10];
  text += kDigits[shown % 10];
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The first and last character of the first name; of its hexadecimal form where one of them is
// neither letter nor digit.
void append_alpn(std::string& text, const std::vector<std::string>& names) {
  const auto first = std::find_if(names.begin(), names.end(),
                                  [](const std::string& name) { return !is_grease(name); });
  if (first == names.end() || first->empty()) {
    text += "00";
  } else if (is_alphanumeric(first->front()) && is_alphanumeric(first->back())) {
    text += first->front();
    text += first->back();
  } else {
    text += kDigits[static_cast<std::uint8_t>(first->front()) >> 4];
    text += kDigits[first->back() & 0x0f];
  }
}

// "1301,c02b"
void append_list(std::string& text, const Numbers& numbers) {
  if (numbers.empty()) return;
  constexpr std::size_t kEach = 5;  // octets, the comma included
  auto at = text.size();
  text.resize(at + kEach * numbers.size() - 1, ',');
  for (const auto number : numbers) {
    text[at] = kDigits[number >> 12];
    text[at + 1] = kDigits[(number >> 8) & 0xf];
    text[at + 2] = kDigits[(number >> 4) & 0xf];
    text[at + 3] = kDigits[number & 0xf];
    at += kEach;
  }
}

void append_hash(std::string& text, const std::string& list) {
  constexpr std::size_t kDigitsShown = 12;
  text += '_';
  text += list.empty() ? std::string(kDigitsShown, '0') : sha256_hex(list).substr(0, kDigitsShown);
}

}  // namespace

Ja4 ja4_of(const Ja4Parts& parts) {
  auto ciphers = without_grease(parts.ciphers);
  auto extensions = without_grease(parts.extensions);
  const bool has_server_name =
      std::find(extensions.begin(), extensions.end(), kServerName) != extensions.end();

  std::string text = "t";
  text += version_text(without_grease(parts.versions));
  text += has_server_name ? 'd' : 'i';
  append_count(text, ciphers.size());
  append_count(text, extensions.size());
  append_alpn(text, parts.alpn);

  std::sort(ciphers.begin(), ciphers.end());
  std::string list;
  append_list(list, ciphers);
  append_hash(text, list);

  const auto is_told_before = [](std::uint16_t type) {
    return type == kServerName || type == kAlpn;
  };
  extensions.erase(std::remove_if(extensions.begin(), extensions.end(), is_told_before),
                   extensions.end());
  std::sort(extensions.begin(), extensions.end());
  list.clear();
  append_list(list, extensions);
  const auto algorithms = without_grease(parts.signature_algorithms);
  if (!algorithms.empty()) {
    list += '_';
    append_list(list, algorithms);
  }
  append_hash(text, list);

  Ja4 ja4;
  std::copy_n(text.begin(), Ja4::kSize, ja4.characters.begin());
  return ja4;
}

}  // namespace postern::tls
