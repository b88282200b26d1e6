// One SMTP command line and one SMTP reply line, read (RFC 5321 4.1.1 and 4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace postern::protocols {

// The commands that postern tells apart. `known` has no meaning of its own here, but a name that
// may be logged; `unknown` may be anything, a password in base64 too.
enum class SmtpVerb {
  ehlo,
  helo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  help,
  auth,
  starttls,
  hidden,
  known,
  unknown,
};

struct SmtpCommand {
  SmtpVerb verb = SmtpVerb::unknown;
  // In upper case, from a table or from the set of hidden verbs, so it outlives the line; "?" for
  // an unknown one, because that could be a secret.
  std::string_view name = "?";
  std::string_view argument;  // the rest of the line, without the blanks around it
};

// Reads a line, with or without its line ending. More lenient than the grammar where a backend may
// be lenient too (blanks and control characters before and behind the verb), so that no backend
// takes for a command what postern did not. X-ANONYMOUSTLS is always hidden: it is a STARTTLS that
// would make the stream unreadable.
SmtpCommand parse_smtp_command(std::string_view line,
                               const std::set<std::string, std::less<>>& hidden_verbs);

// The first word of a command's argument, and all behind it without the blanks around it; both may
// be empty.
struct SmtpWords {
  std::string_view first;
  std::string_view rest;
};
SmtpWords smtp_words(std::string_view argument);

// Octets in one BDAT chunk: what servers with 32-bit counters still count right.
inline constexpr std::uint64_t kMaxChunk = 0x7fffffff;

// Reads the size from a whole BDAT line, its CRLF included (RFC 3030 2). Strict, since a backend
// that reads another size, or no BDAT at all, would take the message for commands: the verb first,
// spaces alone between the words, decimal digits without a sign or a leading zero, at most
// kMaxChunk, then nothing or LAST.
std::optional<std::uint64_t> parse_bdat(std::string_view line);

struct SmtpReplyLine {
  int code = 0;       // 200 to 599
  bool last = false;  // of its reply

  bool success() const { return code < 300; }
  bool go_on() const { return code >= 300 && code < 400; }
  bool is_unknown_command() const { return code == 500 || code == 502; }  // RFC 5321 4.2.4
};

// Reads one line of a reply, with its line ending. None: it is none.
std::optional<SmtpReplyLine> parse_smtp_reply(std::string_view line);

// Octets of the reply code and, where there is one, the enhanced code (RFC 2034 4) at a reply line's
// beginning, with the blank behind each.
std::size_t size_of_codes(std::string_view reply_line);

}  // namespace postern::protocols
