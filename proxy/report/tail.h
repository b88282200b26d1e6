// `postern audit tail`: the audit log's lines for people.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace postern::report {

// One line of the log, JSON, as a line for people, without its end: when, what, where, who, how. A
// line that is no event comes as it is, made harmless.
std::string readable_line(std::string_view line);

struct TailRequest {
  std::string config;  // its first file among audit.log; "" : `file` is given
  std::string file;    // "-": standard input
  std::size_t lines = 20;
  bool follow = false;
};

// The last lines; with `follow` also those to come, through rotation, until it is killed. The exit
// status.
int tail_command(const TailRequest& request, std::ostream& out, std::ostream& messages);

}  // namespace postern::report
