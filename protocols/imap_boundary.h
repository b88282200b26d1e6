// Follows a logged-in IMAP backend's stream just closely enough to know where a line ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::protocols {

// In passthrough a farewell may be put in only between two responses, and the backend's closing is
// proper only after its BYE (RFC 9051 section 7.1.5). Literals are skipped by their count, without
// a look; the rest is looked through once. Starts at a line's beginning. Any cutting of the stream
// into pieces gives the same answers.
class ImapBoundary {
 public:
  void feed(std::string_view bytes);

  // Whether a line may be put in here: the last octet ended a line (CRLF), outside any literal.
  bool at_line_start() const { return at_line_start_ && !opaque_; }
  // Whether a whole line `* BYE …` has come, or that cannot be told any more.
  bool may_close() const { return bye_ || opaque_; }
  // Whether a whole line `* BYE …` has come.
  bool said_bye() const { return bye_; }
  // Whether the stream is no IMAP any more, for good: a control octet other than TAB, CR and LF
  // stood outside a literal (COMPRESS, RFC 4978).
  bool opaque() const { return opaque_; }

 private:
  enum class Tail : std::uint8_t {
    text,
    number,      // in the digits of {n
    literal,     // behind {n}
    literal_cr,  // behind {n}CR
    cr,
  };

  void read_text(std::string_view text);
  void read_tail(std::string_view text);
  void match_bye(std::string_view text);
  void end_line();

  std::uint64_t literal_left_ = 0;
  std::uint64_t number_ = 0;
  std::uint8_t digits_ = 0;
  std::uint8_t matched_ = 0;  // octets of "* BYE" that this line began with; or kNoBye, kBye
  Tail tail_ = Tail::text;
  bool at_line_start_ = true;
  bool bye_ = false;
  bool opaque_ = false;
};

}  // namespace postern::protocols
