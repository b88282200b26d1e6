// `postern audit …`: the other program, postern-audit.
#pragma once

#include <string>
#include <vector>

namespace postern::commands {

// Becomes postern-audit with these words: the one beside this program's own file, else the first in
// PATH. Comes back only where there is none, with a message on standard error and the exit status 1.
int become_audit(const std::vector<std::string>& words);

// What postern-audit prints with these words, its messages with it; "" where it cannot be started.
// Waits for its end.
std::string audit_output(const std::vector<std::string>& words);

}  // namespace postern::commands
