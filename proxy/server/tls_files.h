// The files that TLS is made of, and whether they have changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "conf/settings.h"

namespace postern::server {

// The paths of all certificates, keys, passphrases, responses, authorities, revocations and ticket
// secrets, of listeners and towards backends, each once: what is looked at for changes.
std::vector<std::string> tls_files(const conf::Settings& settings);

// Those of one certificate, and of one backend: none where its TLS is off.
std::vector<std::string> paths_of(const conf::Certificate& certificate);
std::vector<std::string> paths_of(const conf::Backend& backend);

// Where the system keeps its CAs; SSL_CERT_FILE of the environment names another file, as for other
// programs.
std::string system_trust();

// The file of the CAs that this backend's certificate is verified with.
std::string trust_of(const conf::Backend& backend);

// 0, or the errno of opening it for reading. Neither waits for the other end of a FIFO.
int error_of_opening(const std::string& path);
// This user may not read it, where root at the start perhaps could.
bool is_hidden(const std::string& path);

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

// Whether one of them differs. One that is hidden now is as it was, as far as anybody can tell: root may
// have read it before privileges were dropped. One that no longer is, is another.
bool differ(const std::vector<FileState>& before, const std::vector<FileState>& after);

}  // namespace postern::server
