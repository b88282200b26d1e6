// See file_watch.h.
#include "proxy/admin/file_watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <filesystem>
#include <utility>

#include "proxy/log.h"

namespace postern::admin {

namespace {

namespace fs = std::filesystem;

// Writing in place, by a new file of that name, removal, permissions; and the folder itself going.
constexpr std::uint32_t kChanges = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE |
                                   IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ONLYDIR;
constexpr int kMostLinks = 40;          // as the kernel's own bound
constexpr std::size_t kMostReads = 64;  // of one turn: a busy folder must not hold the thread

std::deque<std::string> parts_of(const fs::path& path) {
  std::deque<std::string> parts;
  for (const auto& part : path.relative_path()) parts.push_back(part.string());
  return parts;
}

}  // namespace

std::vector<Entry> entries_to(const std::string& path) {
  std::error_code failed;
  std::vector<Entry> entries;
  fs::path at = "/";  // without symbolic links, so that its parent is the one that `..` means
  auto rest = parts_of(fs::absolute(path, failed));
  int links = 0;
  while (!rest.empty()) {
    const auto part = std::move(rest.front());
    rest.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    const auto next = at / part;
    const auto kind = fs::symlink_status(next, failed).type();
    const bool is_link = kind == fs::file_type::symlink;
    if (is_link || rest.empty() || kind == fs::file_type::not_found) {
      entries.push_back({at.string(), part});
    }
    if (is_link) {
      const auto target = fs::read_symlink(next, failed);
      if (failed || ++links > kMostLinks) return entries;
      const auto first = parts_of(target);
      rest.insert(rest.begin(), first.begin(), first.end());
      if (target.is_absolute()) at = "/";
      continue;
    }
    if (kind == fs::file_type::not_found || kind == fs::file_type::none) return entries;
    at = next;
  }
  return entries;
}

FileWatch::FileWatch(std::vector<std::string> paths)
    : paths_(std::move(paths)), descriptor_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (descriptor_ < 0) say(fmt::format("inotify: {}", std::strerror(errno)));
}

FileWatch::~FileWatch() {
  if (descriptor_ >= 0) close(descriptor_);
}

void FileWatch::renew() {
  if (descriptor_ < 0) return;
  std::set<Entry> entries;
  for (const auto& path : paths_) {
    const auto way = entries_to(path);
    entries.insert(way.begin(), way.end());
  }
  std::string trouble;
  std::map<int, std::set<std::string>> names;
  std::string folder;
  int number = -1;
  for (const auto& entry : entries) {  // by folder
    if (entry.folder != folder) {
      folder = entry.folder;
      number = inotify_add_watch(descriptor_, folder.c_str(), kChanges);
      if (number < 0 && trouble.empty()) {
        trouble = fmt::format("inotify on {}: {}", folder, std::strerror(errno));
      }
    }
    if (number >= 0) names[number].insert(entry.name);
  }
  for (const auto& [old, of_it] : names_) {
    if (!names.contains(old)) inotify_rm_watch(descriptor_, old);
  }
  names_ = std::move(names);
  say(trouble);
}

bool FileWatch::take_changes() {
  if (descriptor_ < 0) return false;
  alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer;
  bool concerns = false;
  for (std::size_t i = 0; i < kMostReads; ++i) {
    const auto size = read(descriptor_, buffer.data(), buffer.size());
    if (size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      const auto watched = names_.find(event.wd);
      // Without a name it is the folder's own; IN_Q_OVERFLOW belongs to no folder.
      concerns |= (event.mask & IN_Q_OVERFLOW) != 0 ||
                  (watched != names_.end() &&
                   (event.len == 0 || watched->second.contains(std::string(name))));
      if ((event.mask & IN_IGNORED) != 0) names_.erase(event.wd);
    }
  }
  return concerns;
}

// Once, until something else is the matter.
void FileWatch::say(const std::string& trouble) {
  if (trouble == said_) return;
  said_ = trouble;
  if (!trouble.empty()) {
    log::warn("changed certificates are seen only after a minute: {}", trouble);
  }
}

}  // namespace postern::admin
