// Postern's own SMTP replies as a client gets them, and the words with which it ends a session of
// its own accord (RFC 5321 3.8: always 421).
#pragma once

#include <string>

#include "protocols/dialogue.h"
#include "protocols/smtp_replies.h"

namespace postern::protocols {

SmtpReply smtp_farewell_reply(Farewell why);

// The same as text, its CRLF included.
std::string smtp_farewell(Farewell why, const Options& options);

// Says a reply: with the listener's name in it, and help where it refuses the client.
void say_smtp(SmtpReply reply, const Options& options, Steps& out);

}  // namespace postern::protocols
