// Patterns of users against names. The input: a pattern, a line's end, a name.
//
// Invariants: it agrees with a slow model of `*` and `?`, which stand for characters of UTF-8 (of a
// pattern that is not ASCII alone, whose octets may end inside a character of a malformed name: what it
// matches, the model matches); blanks around a name do not count; a name matches itself where it holds
// neither; the bare name is a part of the name, and the bare name of a bare name is itself.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/user_pattern.h"
#include "test/fuzz/demand.h"

using namespace postern::policy;
using postern::test::demand;

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::string_view without_blanks(std::string_view name) {
  const auto is_ink = [](unsigned char c) { return c > ' '; };
  const auto first = std::find_if(name.begin(), name.end(), is_ink);
  const auto last = std::find_if(name.rbegin(), name.rend(), is_ink).base();
  return first < last ? std::string_view(first, static_cast<std::size_t>(last - first)) : "";
}

// Where the character at `at` ends: before the next octet that continues none, four octets at most.
std::size_t next_character(std::string_view name, std::size_t at) {
  auto end = at + 1;
  if ((name[at] & 0xc0) != 0xc0) return end;
  while (end < name.size() && end < at + 4 && (name[end] & 0xc0) == 0x80) ++end;
  return end;
}

// By a table of which beginning of the pattern takes which beginning of the name.
bool model(std::string_view pattern, std::string_view name) {
  std::vector<bool> row(name.size() + 1, false);
  row[0] = true;
  for (const char p : pattern) {
    std::vector<bool> next(name.size() + 1, false);
    if (p == '*') next = row;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const auto end = next_character(name, i);
      if (p == '*') {
        if (next[i]) next[end] = true;
      } else if (p == '?') {
        if (row[i]) next[end] = true;
      } else if (row[i] && lower(p) == lower(name[i])) {
        next[i + 1] = true;
      }
    }
    row = next;
  }
  return row[name.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data),
                               std::min<std::size_t>(size, 600));
  const auto end = std::min(input.find('\n'), input.size());
  const auto pattern = input.substr(0, end);
  const auto name = input.substr(std::min(end + 1, input.size()));
  const auto bare = bare_name(name);
  demand(name.find(bare) != std::string_view::npos, "a bare name is a part of the name");
  demand(bare_name(bare) == bare || bare.find_first_of("@\\/") != std::string_view::npos,
         "a bare name has no domain");
  const bool is_bare = pattern.find_first_of("@\\/") == std::string_view::npos;
  const auto meant = without_blanks(is_bare ? bare_name(without_blanks(name)) : name);
  const bool does_match = matches_user(pattern, name);
  const bool may_match = model(pattern, meant);
  demand(does_match == may_match || (!is_ascii(pattern) && may_match),
         "the pattern as its words say");
  if (name.find_first_of("*?@\\/") == std::string_view::npos) {
    demand(matches_user(without_blanks(name), name), "a name is its own pattern");
  }
  return 0;
}
