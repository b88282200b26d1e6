// What a backend's greeting is, from its octets alone.
#pragma once

#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

enum class GreetingKind { undecided, refusal, other };

// `begin`: what has come so far. A refusal is 4xx or 5xx (SMTP), `* BYE` (IMAP), `-ERR` (POP3).
GreetingKind classify_greeting(Protocol protocol, std::string_view begin);

// Whether these octets are a whole greeting that lets a client go on, and nothing else: one line,
// `220 ` (SMTP), `* OK` (IMAP) or `+OK` (POP3).
bool is_one_line_welcome(Protocol protocol, std::string_view said);

}  // namespace postern::protocols
