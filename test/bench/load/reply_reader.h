// A server's replies, one at a time, from bytes in any cutting. The client never sends ahead, so a byte
// beyond the reply is a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "test/bench/load/protocol.h"

namespace postern::bench {

enum class Answer {
  greeting,  // what a server says by itself
  success,   // IMAP "a OK" with all that comes before it, SMTP 2xx, POP3 "+OK" (one line)
  go_ahead,  // IMAP "+", SMTP 354
};

class ReplyReader {
 public:
  enum class Result { more, good, bad };

  explicit ReplyReader(Protocol protocol) : protocol_(protocol) {}

  // The next reply must be this.
  void expect(Answer answer);
  Result feed(std::string_view bytes);

  // The last whole line, without its end.
  const std::string& line() const { return last_; }
  // Octets of IMAP literals since expect().
  std::uint64_t literal_octets() const { return literal_octets_; }

 private:
  Result judge(std::string_view line);
  Result judge_imap(std::string_view line);
  Result judge_smtp(std::string_view line) const;

  Protocol protocol_;
  Answer answer_ = Answer::greeting;
  std::string line_;
  std::string last_;
  std::uint64_t literal_left_ = 0;
  std::uint64_t literal_octets_ = 0;
};

// The length that a line announces at its end: {123} or {123+}; -1 where it announces none. `waits`
// tells whether the sender waits for a go-ahead.
std::int64_t announced_literal(std::string_view line, bool& waits);

}  // namespace postern::bench
