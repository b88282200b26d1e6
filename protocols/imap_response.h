// Reads and edits what an IMAP backend sends before a login is answered: its responses, line by
// line (RFC 9051 section 7).
#pragma once

#include <string>
#include <string_view>

#include "protocols/imap_capability.h"

namespace postern::protocols {

enum class ImapStatus { ok, no, bad, bye, preauth, none };

// One response's first line: a view into it.
struct ImapResponse {
  enum class Kind {
    untagged,
    continuation,  // "+", with or without its space
    tagged,
    stray,  // an empty tag, an empty line: hMailServer's ` BAD NULL COMMAND`; answers nothing
  };
  Kind kind = Kind::stray;
  std::string_view tag;
  ImapStatus status = ImapStatus::none;  // of untagged and tagged ones
};

// `line` with or without its CRLF.
ImapResponse read_response(std::string_view line);

// The line with its capability list edited (edit_capabilities) and its referral code cut out
// ([REFERRAL …], RFC 2221, 2193: it leads the client past the proxy). Only a bracket directly
// behind the status word is a response code. All else stays as it is, the line's end included.
std::string edit_response(std::string_view line, const Conditions& conditions, ListMoment moment);

}  // namespace postern::protocols
