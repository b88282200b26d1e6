// Learns from the kernel (inotify) when one of some files may have changed, also where symbolic
// links lead to it: certbot swaps live/NAME/*.pem, Kubernetes the link ..data.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace postern::admin {

// One folder entry on the way to a file: the file itself, or a symbolic link.
struct Entry {
  std::string folder;  // absolute, without symbolic links
  std::string name;

  auto operator<=>(const Entry&) const = default;
};

// The entries whose change may lead `path` elsewhere, first to last. Where the way breaks off, the
// entry that is missing is the last. Plain folders on the way are none: one that is renamed is
// missed (whoever watches looks by itself, now and then).
std::vector<Entry> entries_to(const std::string& path);

// Of one thread.
class FileWatch {
 public:
  // Nothing is watched before renew().
  explicit FileWatch(std::vector<std::string> paths);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch();

  // Readable when take_changes() has something to say; -1 where there is no inotify.
  int descriptor() const { return descriptor_; }

  // Looks where the paths lead now, and watches that. After each change.
  void renew();
  // Takes what the kernel has told so far; never blocks. Whether some of it concerns the files.
  bool take_changes();

 private:
  void say(const std::string& trouble);

  const std::vector<std::string> paths_;
  int descriptor_;
  std::map<int, std::set<std::string>> names_;  // by the number of the watch, of its folder
  std::string said_;
};

}  // namespace postern::admin
