// Targets that are a stream of lines: standard output and files. See target.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "proxy/audit/target.h"

namespace postern::audit {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A pipe that has room takes this much without blocking (pipe(7)).
constexpr std::size_t kMostAtOnce = PIPE_BUF;

constexpr mode_t kFileMode = 0640;

class StreamTarget final : public Target {
 public:
  // `path` "": standard output, which belongs to the process and stays open.
  StreamTarget(std::string name, std::string path, int descriptor)
      : name_(std::move(name)), path_(std::move(path)), descriptor_(descriptor) {
    is_torn_ = !path_.empty() && read_tail(path_).is_torn;
  }
  ~StreamTarget() override {
    if (!path_.empty()) close(descriptor_);
  }
  StreamTarget(const StreamTarget&) = delete;
  StreamTarget& operator=(const StreamTarget&) = delete;

  const std::string& name() const override { return name_; }
  Written write(const Batch& batch, milliseconds patience) override;
  std::string reopen() override;

  static int open_file(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kFileMode);
  }

 private:
  std::size_t put(std::string_view bytes, Steady::time_point until) const;

  std::string name_;
  std::string path_;
  int descriptor_;
  bool is_torn_ = false;  // the last line is without its end
};

Written StreamTarget::write(const Batch& batch, milliseconds patience) {
  const auto until = Steady::now() + patience;
  // What comes behind a line that was cut must not be lost with it.
  if (is_torn_ && put("\n", until) == 1) is_torn_ = false;
  const auto done = is_torn_ ? 0 : put(batch.text, until);
  if (done > 0) is_torn_ = batch.text[done - 1] != '\n';
  if (done == batch.text.size()) return {};
  const auto* const reason = std::strerror(errno);
  const auto whole = std::ranges::count_if(
      batch.lines, [done](const Batch::Line& line) { return line.begin + line.size <= done; });
  return {batch.lines.size() - static_cast<std::size_t>(whole), reason, 0};
}

// Writes all of it, or says in errno why not; gives how much was written.
std::size_t StreamTarget::put(std::string_view bytes, Steady::time_point until) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    // Standard output may well block, and is shared with others, so that it must be left as it is.
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now()).count();
    pollfd waiting{descriptor_, POLLOUT, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready == 0) errno = EAGAIN;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const auto written =
        ::write(descriptor_, bytes.data() + done, std::min(bytes.size() - done, kMostAtOnce));
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR && errno != EAGAIN) {
      break;
    }
  }
  return done;
}

std::string StreamTarget::reopen() {
  if (path_.empty()) return {};
  const int fresh = open_file(path_);
  if (fresh < 0) return std::strerror(errno);
  close(std::exchange(descriptor_, fresh));
  is_torn_ = read_tail(path_).is_torn;
  return {};
}

}  // namespace

FileTail read_tail(const std::string& path) {
  FileTail tail;
  struct stat about {};
  // Nothing but a regular file has an end, and opening a pipe would wait.
  if (stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) return tail;
  tail.is_unknown = true;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return tail;
  const auto size = std::min(static_cast<std::size_t>(about.st_size), kMostTail);
  std::string text(size, '\0');
  const auto got = pread(descriptor, text.data(), size, about.st_size - static_cast<off_t>(size));
  close(descriptor);
  if (got < 0 || static_cast<std::size_t>(got) != size) return tail;
  tail.is_torn = text.back() != '\n';
  if (!tail.is_torn) text.pop_back();
  const auto newline = text.rfind('\n');
  const bool is_whole_file = static_cast<std::size_t>(about.st_size) == size;
  if (newline == std::string::npos && !is_whole_file) return tail;
  tail.last_line = newline == std::string::npos ? text : text.substr(newline + 1);
  tail.is_unknown = tail.last_line.empty();
  return tail;
}

std::unique_ptr<Target> make_standard_output() {
  return std::make_unique<StreamTarget>("stdout", "", STDOUT_FILENO);
}

std::unique_ptr<Target> make_file(const std::string& path, std::string& error) {
  const int descriptor = StreamTarget::open_file(path);
  if (descriptor < 0) {
    error = std::strerror(errno);
    return nullptr;
  }
  return std::make_unique<StreamTarget>(path, path, descriptor);
}

}  // namespace postern::audit
