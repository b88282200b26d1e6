// See log.h.
#include "proxy/audit/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::audit {

namespace {

// A pipe that nobody empties may hold the writer this long, then its lines are lost.
constexpr int kPatienceMilliseconds = 2000;

constexpr std::size_t kMostAtOnce = PIPE_BUF;

constexpr mode_t kFileMode = 0640;

}  // namespace

std::variant<std::unique_ptr<Log>, std::string> Log::open(
    const std::vector<conf::AuditLog>& targets, Observer observer) {
  std::vector<Target> opened;
  for (const auto& target : targets) {
    if (target.kind == conf::AuditLog::Kind::standard_output) {
      opened.push_back({"stdout", STDOUT_FILENO});
      continue;
    }
    const int descriptor =
        ::open(target.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kFileMode);
    if (descriptor < 0) {
      return fmt::format("{}:{}: audit.log: cannot open {}: {}", target.place.line,
                         target.place.column, target.path, std::strerror(errno));
    }
    opened.push_back({target.path, descriptor});
  }
  return std::unique_ptr<Log>(new Log(std::move(opened), std::move(observer)));
}

Log::Log(std::vector<Target> targets, Observer observer)
    : observer_(std::move(observer)), targets_(std::move(targets)), thread_([this] { run(); }) {}

Log::~Log() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
  for (const auto& target : targets_) {
    if (target.descriptor != STDOUT_FILENO) close(target.descriptor);
  }
}

void Log::record(Event event) {
  {
    const std::lock_guard lock(mutex_);
    const auto sequence = next_sequence_++;
    if (queue_.size() >= kMostQueued) {
      ++lost_;
      return;
    }
    queue_.push_back({sequence, std::move(event)});
    if (queue_.size() > 1) return;  // the thread has been woken already
  }
  wakeup_.notify_one();
}

void Log::run() {
  for (;;) {
    std::vector<Numbered> batch;
    {
      std::unique_lock lock(mutex_);
      wakeup_.wait(lock, [this] { return is_closing_ || !queue_.empty(); });
      batch.swap(queue_);
      if (lost_ > 0) {
        batch.push_back({next_sequence_++,
                         {net::wall_clock(), GapEvent{"queue_full", std::exchange(lost_, 0)}}});
      }
      if (batch.empty()) return;  // closing, and nothing is left
    }
    write_batch(batch);
  }
}

void Log::write_batch(std::vector<Numbered>& batch) {
  std::string lines;
  for (const auto& numbered : batch) {
    lines += json_line(numbered.event, numbered.sequence, observer_);
  }
  for (auto& target : targets_) write(target, lines);
}

void Log::write(Target& target, std::string_view lines) {
  // What comes behind a line that was cut must not be lost with it.
  if (target.is_torn && put(target, "\n") == 1) target.is_torn = false;
  const auto done = target.is_torn ? 0 : put(target, lines);
  if (done > 0) target.is_torn = lines[done - 1] != '\n';
  if (done < lines.size()) {
    if (!std::exchange(target.is_failing, true)) {
      log::error("the audit log {} cannot be written, events are lost: {}", target.name,
                 std::strerror(errno));
    }
  } else if (std::exchange(target.is_failing, false)) {
    log::info("the audit log {} can be written again", target.name);
  }
}

// Writes all of it, or says in errno why not; gives how much was written.
std::size_t Log::put(const Target& target, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    // Standard output may well block, and is shared with others, so that it must be left as it is.
    // A pipe that has room takes this much without blocking (pipe(7)).
    pollfd waiting{target.descriptor, POLLOUT, 0};
    const int ready = poll(&waiting, 1, kPatienceMilliseconds);
    if (ready == 0) errno = EAGAIN;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const auto written =
        ::write(target.descriptor, bytes.data() + done, std::min(bytes.size() - done, kMostAtOnce));
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR && errno != EAGAIN) {
      break;
    }
  }
  return done;
}

}  // namespace postern::audit
