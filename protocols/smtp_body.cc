// See smtp_body.h.
#include "protocols/smtp_body.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace postern::protocols {

namespace {
constexpr std::string_view kEnd = "\r\n.\r\n";
constexpr std::size_t kLineBegun = 2;  // octets of kEnd that stand before the dot

// How many octets of `text`, which begins a line, are whole lines in which nothing is to be seen to:
// ended by CRLF, without another CR or LF, their first octet neither a dot nor NUL. May give fewer
// than there are. Looks at 64 octets at once for those that could be CR or LF, where memchr() would
// be called twice a line.
std::size_t plain_lines([[maybe_unused]] std::string_view text) {
  std::size_t lines_end = 0;
#ifdef __SSE2__
  const auto is_odd_at = [&](std::size_t begin) {
    return begin < text.size() && (text[begin] == '.' || text[begin] == '\0');
  };
  if (is_odd_at(0)) return 0;
  constexpr std::size_t kAtOnce = 64;
  const auto eight = _mm_set1_epi8(8);
  const auto but_three_bits = _mm_set1_epi8(static_cast<char>(0xf8));
  std::uint64_t seen = 0;  // the first octet ends a line whose CR was the block's before
  for (std::size_t at = 0; at + kAtOnce <= text.size(); at += kAtOnce) {
    std::uint64_t near = 0;  // a bit for each octet from 8 to 15: TAB, LF, CR and what nobody sends
    for (std::size_t i = 0; i < 4; ++i) {
      const auto some =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at + 16 * i));
      const auto is_near = _mm_cmpeq_epi8(_mm_and_si128(some, but_three_bits), eight);
      near |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(is_near)))
              << (16 * i);
    }
    near &= ~seen;
    seen = 0;
    while (near != 0) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(near));
      const auto here = at + bit;
      near &= near - 1;
      if (text[here] == '\n') return lines_end;
      if (text[here] != '\r') continue;
      if (here + 1 == text.size() || text[here + 1] != '\n') return lines_end;
      lines_end = here + 2;
      if (is_odd_at(lines_end)) return lines_end;
      near &= near - 1;  // its LF
      seen = bit + 1 == kAtOnce ? 1 : 0;
    }
  }
#endif
  return lines_end;
}

}  // namespace

void SmtpBody::begin() {
  line_ = Line::empty;
  cr_kept_ = false;
  matched_ = kLineBegun;
}

SmtpBody::Scan SmtpBody::scan(std::string_view piece) {
  return bare_newlines_ == BareNewlines::reject ? scan_strict(piece) : scan_lenient(piece);
}

// Goes from LF to LF: what is not passed over as plain costs two memchr() a line.
SmtpBody::Scan SmtpBody::scan_strict(std::string_view piece) {
  Scan scan;
  std::size_t at = 0;
  if (cr_kept_) {
    if (piece.front() != '\n') return {0, 0, false, Found::bare_newline};
    cr_kept_ = false;
    scan.found = end_line();
    if (scan.found == Found::bare_newline) return scan;
    scan.owed_cr = true;
    at = 1;
  }
  while (scan.found == Found::nothing && at < piece.size()) {
    if (line_ == Line::empty) at += plain_lines(piece.substr(at));
    if (at == piece.size()) break;
    const auto lf = piece.find('\n', at);
    const bool ends_here = lf != std::string_view::npos;
    auto part = piece.substr(at, ends_here ? lf - at : std::string_view::npos);
    const bool has_cr = part.ends_with('\r');
    if (has_cr) part.remove_suffix(1);
    const auto bare_cr = part.find('\r');
    if (bare_cr != std::string_view::npos || (ends_here && !has_cr)) {
      scan.passed = at + std::min(bare_cr, part.size());
      scan.found = Found::bare_newline;
      return scan;
    }
    look_at(part);
    if (!ends_here) {
      cr_kept_ = has_cr;
      scan.passed = at + part.size();
      scan.taken = piece.size();
      return scan;
    }
    scan.found = end_line();
    at = scan.found == Found::bare_newline ? lf - 1 : lf + 1;
  }
  scan.passed = scan.taken = at;
  return scan;
}

// Matches CRLF.CRLF alone; between lines one memchr().
SmtpBody::Scan SmtpBody::scan_lenient(std::string_view piece) {
  Scan scan;
  std::size_t at = 0;
  while (at < piece.size() && matched_ < kEnd.size()) {
    const char c = piece[at];
    if (c == kEnd[matched_]) {
      ++matched_;
      ++at;
    } else if (c == '\r') {
      matched_ = 1;
      ++at;
    } else {
      matched_ = 0;
      at = std::min(piece.find('\r', at), piece.size());
    }
  }
  scan.passed = scan.taken = at;
  if (matched_ == kEnd.size()) scan.found = Found::end;
  return scan;
}

void SmtpBody::look_at(std::string_view part) {
  for (const char c : part) {
    if (line_ == Line::text) return;
    if (c == '.') {
      line_ = line_ == Line::empty  ? Line::dot
              : line_ == Line::nuls ? Line::nuls_and_dot
                                    : Line::text;
    } else if (c == '\0') {
      line_ = line_ == Line::dot ? Line::nuls_and_dot : line_ == Line::empty ? Line::nuls : line_;
    } else {
      line_ = Line::text;
    }
  }
}

SmtpBody::Found SmtpBody::end_line() {
  const auto line = line_;
  line_ = Line::empty;
  if (line == Line::dot) return Found::end;
  return line == Line::nuls_and_dot ? Found::bare_newline : Found::nothing;
}

}  // namespace postern::protocols
