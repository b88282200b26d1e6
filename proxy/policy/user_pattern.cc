// See user_pattern.h.
#include "proxy/policy/user_pattern.h"

namespace postern::policy {

namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

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
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
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
  return name.substr(0, name.find_first_of(kSeparators));
}

bool matches_user(std::string_view pattern, std::string_view user) {
  const bool says_domain = pattern.find_first_of("@\\/") != std::string_view::npos;
  return matches(pattern, says_domain ? user : bare_name(user));
}

}  // namespace postern::policy
