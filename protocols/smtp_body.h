// Finds the end of a message after DATA (RFC 5321 4.1.1.4), and what could make another server find
// another end (SMTP smuggling). Looks at each octet once, keeps none.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

// Scans one message, in pieces. Only CRLF.CRLF ends it; the CRLF of the DATA line counts as the
// first. With BareNewlines::reject it stops before a CR without LF, a LF without CR, and the end of
// a line that would be one dot if its NULs were taken out: so a server that ends messages there
// never sees one end. A CR is passed on only together with its LF.
class SmtpBody {
 public:
  enum class Found { nothing, end, bare_newline };

  struct Scan {
    std::size_t passed = 0;  // octets, from the beginning of the piece, to pass on
    std::size_t taken = 0;   // octets that belong to the message: `passed`, and perhaps a CR kept
    bool owed_cr = false;    // pass on a CR, kept from the piece before, first
    Found found = Found::nothing;
  };

  explicit SmtpBody(BareNewlines bare_newlines) : bare_newlines_(bare_newlines) {}

  // Makes it ready for the next message.
  void begin();
  // Takes the next piece, not empty. After `end`, what lies behind `taken` is no part of the
  // message. After `bare_newline` nothing more may be scanned.
  Scan scan(std::string_view piece);

 private:
  // What the line is so far.
  enum class Line { empty, dot, nuls, nuls_and_dot, text };

  Scan scan_strict(std::string_view piece);
  Scan scan_lenient(std::string_view piece);
  void look_at(std::string_view part_of_line);
  Found end_line();

  BareNewlines bare_newlines_;
  Line line_ = Line::empty;
  bool cr_kept_ = false;     // strict: the last piece ended in CR
  std::size_t matched_ = 2;  // lenient: octets of CRLF.CRLF that came last
};

}  // namespace postern::protocols
