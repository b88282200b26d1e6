// Lines and counted octets out of a stream that comes in pieces: bounded, O(n), and without a copy
// where a line lies whole in one piece.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::protocols {

// Use: open(bytes); then line() and take() as often as wanted; then close(), which keeps what was
// not taken. Views that line() and take() give are valid until the next call to line(), take() or
// close(). What was kept is wiped once it has been taken, since it may have been a password.
class LineBuffer {
 public:
  // `limit`: the longest line, its LF included, in octets.
  explicit LineBuffer(std::size_t limit) : limit_(limit) {}
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;
  ~LineBuffer();

  // Makes `bytes` available behind what was kept. They must stay valid until close().
  void open(std::string_view bytes);
  // Takes the next line, up to and including its LF. None: it has not ended yet, or too_long().
  std::optional<std::string_view> line();
  // Whether the next line, ended or not, is longer than the limit.
  bool too_long();
  // Takes at most `most` octets: a run as long as lies in one piece, none when nothing is there.
  std::string_view take(std::size_t most);
  // Shows the run that take() would give at most, and leaves it there; for who must look at octets
  // before it knows how many are its own. Valid as the others are.
  std::string_view peek();
  // Octets available.
  std::size_t size() const { return kept_.size() - front_ - taken_ + fresh_.size(); }
  bool empty() const { return size() == 0; }
  void close();
  // Takes all that is there, after close().
  std::string take_rest();
  // Forgets and wipes all that is there.
  void clear();

 private:
  void drop_taken();
  std::string_view waiting() const { return std::string_view(kept_).substr(front_); }

  std::size_t limit_;
  std::string kept_;  // from earlier pieces
  std::size_t front_ =
      0;  // of kept_, wiped; erased now and then, so that many short lines stay O(n)
  std::size_t taken_ = 0;     // of waiting(), already given out
  std::size_t searched_ = 0;  // of waiting(), known to hold no LF
  std::string_view fresh_;    // the open piece, what is left of it
};

// Overwrites memory in a way that the compiler keeps.
void wipe(std::string& bytes);

// A line without its CRLF, or without its bare LF.
std::string_view without_newline(std::string_view line);

// Whether a line may be a command of a mail protocol: it ends in CRLF, holds no other CR, LF and no
// NUL, and begins no HTTP request (RFC 9112 section 3). A browser can be made to send commands in
// the body of one; since servers forgive the lines before it, ALPACA and its elders work.
bool is_clean_line(std::string_view line);

}  // namespace postern::protocols
