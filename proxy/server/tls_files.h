// The files that TLS is made of, and whether they have changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "conf/settings.h"

namespace postern::server {

// The paths of all certificates, keys, passphrases, responses, authorities and revocations that
// listeners name, each once: what is looked at for changes. Ticket secrets and what backends' TLS is
// made of are read at start alone, so they are not among them.
std::vector<std::string> tls_files(const conf::Settings& settings);

// What tells one state of a file from another, behind its symbolic links.
struct FileState {
  enum class Kind { there, missing, hidden };  // hidden: this user may not look
  Kind kind = Kind::missing;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970
  std::int64_t changed = 0;   // the same, of what the file is as well

  bool operator==(const FileState&) const = default;
};

// One for each path, in their order. Blocks as stat(2) does.
std::vector<FileState> states_of(const std::vector<std::string>& paths);

// Whether one of them differs. A hidden file is like any: nobody can tell, and root may have read
// it before privileges were dropped.
bool differ(const std::vector<FileState>& before, const std::vector<FileState>& after);

}  // namespace postern::server
