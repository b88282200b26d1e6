// See user_pattern.h.
#include "proxy/policy/user_pattern.h"

#include <algorithm>
#include <cstddef>

namespace postern::policy {

namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' '; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Octets of the character at the front: that one and what goes on with it (RFC 3629 3).
std::size_t size_of_character(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  std::size_t size = 1;
  if (static_cast<unsigned char>(text[0]) < 0xc0) return size;
  while (size < std::min(text.size(), kLongest) &&
         (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
    ++size;
  }
  return size;
}

// One star is remembered at a time: a later one makes every earlier choice final.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += size_of_character(text.substr(t));
    } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      star_text += size_of_character(text.substr(star_text));
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::string_view bare_name(std::string_view user) {
  constexpr std::string_view kSeparators = "\\/";
  const auto without_domain = [](std::string_view name) { return name.substr(0, name.rfind('@')); };
  const auto separator = user.find_first_of(kSeparators);
  const auto first = user.substr(0, separator);
  // No domain has an `@`: there the first part is who logs in, and the mailbox follows.
  if (separator == std::string_view::npos || first.find('@') != std::string_view::npos) {
    return without_domain(first);
  }
  const auto name = user.substr(separator + 1);
  return without_domain(name.substr(0, name.find_first_of(kSeparators)));
}

bool matches_user(std::string_view pattern, std::string_view user) {
  const bool says_domain = pattern.find_first_of("@\\/") != std::string_view::npos;
  return matches(pattern, trimmed(says_domain ? user : bare_name(trimmed(user))));
}

Meant is_one_of(const std::vector<std::string>& patterns, std::string_view user) {
  const auto whole = trimmed(user);
  const auto first = whole.substr(
      0,
      static_cast<std::size_t>(std::find_if(whole.begin(), whole.end(), is_blank) - whole.begin()));
  bool is_whole_meant = false;
  bool is_first_meant = false;
  for (const auto& pattern : patterns) {
    const bool is_match = matches_user(pattern, whole);
    if (is_match && pattern.find_first_of("*?") == std::string::npos) return Meant::yes;
    is_whole_meant = is_whole_meant || is_match;
    is_first_meant = is_first_meant || matches_user(pattern, first);
  }
  if (is_whole_meant == is_first_meant) return is_whole_meant ? Meant::yes : Meant::no;
  return Meant::possibly;
}

}  // namespace postern::policy
