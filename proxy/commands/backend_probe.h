// What a backend says to postern, and what its administrator should know before
// postern stands in front of it. `postern check --connect` shows it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "protocols/dialogue.h"
#include "proxy/backend/link.h"

namespace postern::commands {

struct ProbeReport {
  bool has_answered = false;
  std::vector<std::string> lines;     // what was said, both ways, printable
  std::vector<std::string> warnings;  // what will not work, or is dangerous, and the cure
};

// Dials one of the backend's servers (an index), blocking, for some seconds at most; by TLS where the
// backend has that, of which it says what it saw. It asks for greeting and capabilities,
// tries one login with a name that nobody has, and for SMTP whether a foreign recipient is taken
// without login (an open relay as soon as all mail comes from postern's address); then RSET and
// QUIT: nothing is ever sent.
ProbeReport probe_backend(protocols::Protocol protocol, const backend::Backend& backend,
                          std::size_t server, const std::string& hostname);

}  // namespace postern::commands
