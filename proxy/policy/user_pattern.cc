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
  if (const auto backslash = user.find('\\'); backslash != std::string_view::npos) {
    return user.substr(backslash + 1);
  }
  if (const auto slash = user.find('/'); slash != std::string_view::npos) {
    const auto name = user.substr(slash + 1);
    return name.substr(0, name.find('/'));
  }
  return user.substr(0, user.rfind('@'));
}

bool matches_user(std::string_view pattern, std::string_view user) {
  if (matches(pattern, user)) return true;
  return pattern.find_first_of("@\\/") == std::string_view::npos &&
         matches(pattern, bare_name(user));
}

}  // namespace postern::policy
