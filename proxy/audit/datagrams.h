// How an audit line looks as a datagram to the local logger.
#pragma once

#include <string>
#include <string_view>

#include "proxy/audit/target.h"

namespace postern::audit {

// RFC 5424: the line's own time stamp, facility authpriv (10), severity by its level, the event's
// action as MSGID, no structured data, the line as the message. `hostname` "" or not fit for the
// field is "-". `text` is without its newline.
std::string syslog_datagram(const Batch::Line& line, std::string_view text,
                            std::string_view hostname);

// systemd's native protocol (systemd.journal-fields(7), JOURNAL_NATIVE_PROTOCOL.md): MESSAGE,
// PRIORITY, SYSLOG_IDENTIFIER, SYSLOG_FACILITY, POSTERN_ACTION, POSTERN_SESSION.
std::string journal_datagram(const Batch::Line& line, std::string_view text);

// One field of it: `NAME=value`, or where the value holds a newline its length in front.
void append_journal_field(std::string& out, std::string_view name, std::string_view value);

}  // namespace postern::audit
