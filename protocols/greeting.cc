// See greeting.h.
#include "protocols/greeting.h"

#include <algorithm>
#include <cctype>

namespace postern::protocols {

namespace {

GreetingKind match(std::string_view begin, std::string_view refusal) {
  const auto size = std::min(begin.size(), refusal.size());
  const bool is_equal =
      std::equal(begin.begin(), begin.begin() + static_cast<std::ptrdiff_t>(size), refusal.begin(),
                 [](unsigned char a, unsigned char b) { return std::toupper(a) == b; });
  if (!is_equal) return GreetingKind::other;
  return begin.size() >= refusal.size() ? GreetingKind::refusal : GreetingKind::undecided;
}

}  // namespace

GreetingKind classify_greeting(Protocol protocol, std::string_view begin) {
  if (begin.empty()) return GreetingKind::undecided;
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return begin[0] == '4' || begin[0] == '5' ? GreetingKind::refusal : GreetingKind::other;
    case Protocol::imap:
      return match(begin, "* BYE");
    case Protocol::pop3:
      return match(begin, "-ERR");
  }
  __builtin_unreachable();
}

}  // namespace postern::protocols
