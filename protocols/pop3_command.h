// POP3 command lines and the status of reply lines, taken apart (RFC 1939 section 3, RFC 2449, RFC
// 2595 section 4, RFC 5034).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/steps.h"

namespace postern::protocols {

// So many commands may be refused in one session; the next one ends it.
inline constexpr int kPop3MostRefusals = 20;

// The verbs that postern acts on; all else is `other`. `pass` is RPOP too, which stood in its place
// (RFC 1225).
enum class Pop3Verb { user, pass, apop, auth, capa, stls, quit, noop, hidden, other };

struct Pop3Command {
  Pop3Verb verb = Pop3Verb::other;
  // The verb in upper case where it is one that POP3 servers know, else "?": what stands in its
  // place may be a password. A constant.
  std::string_view name = "?";
  // What follows the verb, without blanks at its ends: a part of the line.
  std::string_view argument;
};

// Takes a line apart, with or without its line ending. Blanks before the verb do not count, since
// lenient servers skip them too.
Pop3Command parse_pop3_command(std::string_view line);

// The verbs of a session's commands up to its first login, which tell client programs apart.
class Pop3CommandOrder {
 public:
  // Takes a command's name as Pop3Command has it. Only the first kMaxOrderedCommands are kept.
  void add(std::string_view name);
  // Adds ClientNamed, once: before the first login.
  void tell(Steps& out);

 private:
  std::string verbs_;
  std::size_t count_ = 0;
  bool is_told_ = false;
};

// Who logs in with USER or APOP, from the command's argument.
Login pop3_user_login(std::string_view argument);
Login pop3_apop_login(std::string_view argument);

struct Pop3Auth {
  std::string_view mechanism;                // fetchmail's MSN is NTLM here
  std::optional<std::string_view> response;  // the initial one, base64; "" for "="
};

// AUTH's argument (RFC 5034 section 4): parts of it, or constants.
Pop3Auth split_pop3_auth(std::string_view argument);

// What a backend's line begins with (RFC 1939 section 3): "+OK", "-ERR" or "+", any case, with a
// blank or nothing behind. "+ OK", which Exchange 5.5 says to AUTH, is a `go_on`.
enum class Pop3Status { ok, error, go_on, none };
Pop3Status pop3_status(std::string_view line);

// Octets of the status word and, where there is one, the response code (RFC 2449 8) at a line's
// beginning, with the blank behind each.
std::size_t size_of_pop3_codes(std::string_view line);

}  // namespace postern::protocols
