// See log.h.
#include "proxy/audit/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::audit {

namespace {

// A pipe that nobody empties may hold the writer this long, then its lines are lost.
constexpr int kPatienceMilliseconds = 2000;

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
        batch.push_back({next_sequence_++, {net::wall_clock(), GapEvent{std::exchange(lost_, 0)}}});
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

void Log::write(Target& target, const std::string& lines) {
  std::size_t done = 0;
  while (done < lines.size()) {
    const auto written = ::write(target.descriptor, lines.data() + done, lines.size() - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      pollfd waiting{target.descriptor, POLLOUT, 0};
      if (poll(&waiting, 1, kPatienceMilliseconds) > 0) continue;
    }
    if (!target.is_failing) {
      log::error("the audit log {} cannot be written, events are lost: {}", target.name,
                 std::strerror(errno));
    }
    target.is_failing = true;
    return;
  }
  if (std::exchange(target.is_failing, false)) {
    log::info("the audit log {} can be written again", target.name);
  }
}

}  // namespace postern::audit
