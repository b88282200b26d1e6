// Patterns of users against names. The input: a pattern, a line's end, a name.
//
// Invariants: it agrees with a slow model of `*` and `?`; a name matches itself where it holds neither;
// the bare name is a part of the name, and the bare name of a bare name is itself.
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

// By a table of which beginning of the pattern takes which beginning of the name.
bool model(std::string_view pattern, std::string_view name) {
  std::vector<bool> row(name.size() + 1, false);
  row[0] = true;
  for (const char p : pattern) {
    std::vector<bool> next(name.size() + 1, false);
    next[0] = p == '*' && row[0];
    for (std::size_t i = 1; i <= name.size(); ++i) {
      if (p == '*') {
        next[i] = row[i] || next[i - 1];
      } else {
        next[i] = row[i - 1] && (p == '?' || lower(p) == lower(name[i - 1]));
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
  demand(matches_user(pattern, name) == model(pattern, is_bare ? bare : name),
         "the pattern as its words say");
  if (name.find_first_of("*?@\\/") == std::string_view::npos) {
    demand(matches_user(name, name), "a name is its own pattern");
  }
  return 0;
}
