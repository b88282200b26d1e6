// See imap_boundary.h. A line's tail, octet by octet (anything not shown leads to `text`, and `{`
// always to `number`):
//
//   text ──{──▶ number ──}──▶ literal ──CR──▶ literal_cr ──LF──▶ skip n octets, then text
//    │          │   ▲                                            (the same line goes on)
//    │          └─0-9 (at most kMaxDigits)
//    └──CR──▶ cr ──LF──▶ the line has ended
#include "protocols/imap_boundary.h"

#include <algorithm>
#include <cstring>

namespace postern::protocols {

namespace {

constexpr std::uint8_t kMaxDigits = 19;        // fits 64 bits; a longer number is no literal
constexpr std::size_t kTail = kMaxDigits + 4;  // {, digits, }, CR and one octet before them
constexpr std::string_view kByeLine = "* BYE";
constexpr std::uint8_t kNoBye = 0xff;
constexpr std::uint8_t kBye = 0xfe;

// Whether octets stand there that no IMAP line holds. Without a branch, so that it vectorises.
bool holds_controls(std::string_view text) {
  unsigned found = 0;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    found |= static_cast<unsigned>(octet < 0x20) & static_cast<unsigned>(octet != '\t') &
             static_cast<unsigned>(octet != '\r');
  }
  return found != 0;
}

}  // namespace

void ImapBoundary::feed(std::string_view bytes) {
  while (!bytes.empty() && !opaque_) {
    if (literal_left_ > 0) {
      const auto skipped = std::min<std::uint64_t>(literal_left_, bytes.size());
      literal_left_ -= skipped;
      bytes.remove_prefix(static_cast<std::size_t>(skipped));
      continue;
    }
    const auto* newline = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (newline == nullptr) return read_text(bytes);
    const auto size = static_cast<std::size_t>(newline - bytes.data());
    read_text(bytes.substr(0, size));
    end_line();
    bytes.remove_prefix(size + 1);
  }
}

// Octets of one line, without its LF.
void ImapBoundary::read_text(std::string_view text) {
  if (text.empty()) return;
  at_line_start_ = false;
  opaque_ = opaque_ || holds_controls(text);
  match_bye(text);
  read_tail(text);
}

void ImapBoundary::read_tail(std::string_view text) {
  if (text.size() > kTail) {  // nothing before matters for what the line's end means
    text = text.substr(text.size() - kTail);
    tail_ = Tail::text;
  }
  for (const char c : text) {
    if (c == '{') {
      tail_ = Tail::number;
      number_ = digits_ = 0;
    } else if (tail_ == Tail::number && c >= '0' && c <= '9' && digits_ < kMaxDigits) {
      number_ = number_ * 10 + static_cast<std::uint64_t>(c - '0');
      ++digits_;
    } else if (tail_ == Tail::number && c == '}' && digits_ > 0) {
      tail_ = Tail::literal;
    } else if (c == '\r') {
      tail_ = tail_ == Tail::literal ? Tail::literal_cr : Tail::cr;
    } else {
      tail_ = Tail::text;
    }
  }
}

void ImapBoundary::match_bye(std::string_view text) {
  for (const char c : text) {
    if (matched_ >= kBye) return;
    if (matched_ == kByeLine.size()) {
      matched_ = c == ' ' || c == '\r' ? kBye : kNoBye;
      return;
    }
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    matched_ = upper == kByeLine[matched_] ? static_cast<std::uint8_t>(matched_ + 1) : kNoBye;
  }
}

void ImapBoundary::end_line() {
  const auto tail = tail_;
  tail_ = Tail::text;
  if (tail == Tail::literal_cr) {
    literal_left_ = number_;
    at_line_start_ = false;
    matched_ = kNoBye;
    return;
  }
  // A bare LF ends no line of IMAP: what follows is still the same line.
  at_line_start_ = tail == Tail::cr;
  if (!at_line_start_) {
    matched_ = kNoBye;
    return;
  }
  bye_ = bye_ || matched_ == kBye;
  matched_ = 0;
}

}  // namespace postern::protocols
