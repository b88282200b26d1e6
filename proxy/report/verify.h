// `postern audit verify`: whether a line of the audit log was changed or taken out.
#pragma once

#include <iosfwd>

#include "proxy/report/logs.h"

namespace postern::report {

// Checks the hash chain and the sequence numbers of all lines, file after file, and names each fault
// with its file and line. The exit status: 0; 1 with a fault or an unreadable file.
int verify_command(const LogsRequest& request, std::ostream& out, std::ostream& messages);

}  // namespace postern::report
