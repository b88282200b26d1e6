// The words with which postern ends an SMTP session of its own accord (RFC 5321 3.8: always 421).
#pragma once

#include <string>

#include "protocols/dialogue.h"
#include "protocols/smtp_replies.h"

namespace postern::protocols {

SmtpReply smtp_farewell_reply(Farewell why);

// The same as text, its CRLF included.
std::string smtp_farewell(Farewell why, const Options& options);

}  // namespace postern::protocols
