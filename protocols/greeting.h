// Whether a backend's greeting is a refusal, from its first octets.
#pragma once

#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

enum class GreetingKind { undecided, refusal, other };

// `begin`: what has come so far. A refusal is 4xx or 5xx (SMTP), `* BYE` (IMAP), `-ERR` (POP3).
GreetingKind classify_greeting(Protocol protocol, std::string_view begin);

}  // namespace postern::protocols
