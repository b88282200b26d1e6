// See smtp_body.h.
#include "protocols/smtp_body.h"

#include <algorithm>

namespace postern::protocols {

namespace {
constexpr std::string_view kEnd = "\r\n.\r\n";
constexpr std::size_t kLineBegun = 2;  // octets of kEnd that stand before the dot
}  // namespace

void SmtpBody::begin() {
  line_ = Line::empty;
  cr_kept_ = false;
  matched_ = kLineBegun;
}

SmtpBody::Scan SmtpBody::scan(std::string_view piece) {
  return bare_newlines_ == BareNewlines::reject ? scan_strict(piece) : scan_lenient(piece);
}

// Goes from LF to LF. A line of a usual message costs two memchr() and a look at its first octet.
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
