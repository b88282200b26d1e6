// See audit.h. A program of its own: what reads the inventory may one day need libraries that may not
// live beside BoringSSL.
#include "proxy/commands/audit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace postern::commands {

int become_audit(const std::vector<std::string>& words) {
  std::string name = "postern-audit";
  std::vector<std::string> copies = words;
  std::vector<char*> arguments = {name.data()};
  for (auto& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  int reason = ENOENT;
  if (!error) {
    const auto beside = own.parent_path() / name;
    execv(beside.c_str(), arguments.data());
    reason = errno;
  }
  // One that is there and cannot be run is not passed over for another.
  if (reason == ENOENT) {
    execvp(name.c_str(), arguments.data());
    reason = errno;
  }
  std::cerr << "postern audit: cannot start postern-audit, looked for beside postern and in PATH: "
            << std::strerror(reason) << "\n";
  return 1;
}

std::string audit_output(const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    _exit(become_audit(words));
  }
  close(ends[1]);
  std::string said;
  char piece[4096];
  for (ssize_t size = 0; child > 0 && (size = read(ends[0], piece, sizeof piece)) > 0;) {
    said.append(piece, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return said;
}

}  // namespace postern::commands
