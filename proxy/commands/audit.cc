// See audit.h. A program of its own: what reads the inventory may one day need libraries that may not
// live beside BoringSSL.
#include "proxy/commands/audit.h"

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

}  // namespace postern::commands
