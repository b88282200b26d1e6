// What a backend says to postern in clear text, and what its administrator should know before
// postern stands in front of it. `postern check --connect` shows it.
#pragma once

#include <string>
#include <vector>

#include "protocols/dialogue.h"
#include "proxy/net/address.h"

namespace postern::commands {

struct ProbeReport {
  bool has_answered = false;
  std::vector<std::string> lines;     // what was said, both ways, printable
  std::vector<std::string> warnings;  // what will not work, or is dangerous, and the cure
};

// Dials one server, blocking, for some seconds at most. It asks for greeting and capabilities,
// tries one login with a name that nobody has, and for SMTP whether a foreign recipient is taken
// without login (an open relay as soon as all mail comes from postern's address); then RSET and
// QUIT: nothing is ever sent.
ProbeReport probe_backend(protocols::Protocol protocol, const net::Address& server,
                          const std::string& hostname);

}  // namespace postern::commands
