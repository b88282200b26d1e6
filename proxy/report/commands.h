// The commands of postern-audit, apart from its command line. Each gives the exit status: 0, or 1
// with a message on `messages`, or 2 where a word given cannot be understood.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include "proxy/report/section.h"

namespace postern::report {

struct Asked {
  std::string config;     // settings file; "" : none
  std::string inventory;  // "" : the one of the settings
  std::string since = "30d";
  std::string listener;
  std::string network;
  std::string user;
  std::string format = "table";
  std::string section;  // this one alone
  bool all = false;     // every row
  std::string at;       // what-if: a day; "" : now
  std::string suites;   // what-if: IANA names, with commas between
  std::string table;    // export
};

int report_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages);
int what_if_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages);
int export_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages);

}  // namespace postern::report
