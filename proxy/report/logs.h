// `postern audit import`, and what it shares with other readers of the audit log's files.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace postern::report {

struct LogsRequest {
  std::string config;              // its first log file, where no files are given; "" : none
  std::vector<std::string> files;  // oldest first, as they were rotated; "-": standard input
  std::string inventory;           // import: the database to make
};

// Makes an inventory anew from the lines. The exit status: 0; 1 where something could not be read or
// written, or the database is there already.
int import_command(const LogsRequest& request, std::ostream& out, std::ostream& messages);

// The files asked for, or the settings' own; empty with a message.
std::vector<std::string> files_of(const LogsRequest& request, std::ostream& messages);

// Calls `read` with each file and its path, until it gives false or one cannot be opened; whether
// none did.
bool each_file(const std::vector<std::string>& files, std::ostream& messages,
               const std::function<bool(std::istream&, const std::string&)>& read);

// The first file among the settings' audit.log; "" with a message on `messages` where there is none.
std::string log_of(const std::string& config, std::ostream& messages);

}  // namespace postern::report
