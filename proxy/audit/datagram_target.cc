// Targets that take a datagram for each line: syslog and journald. See target.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/audit/datagrams.h"
#include "proxy/audit/target.h"

namespace postern::audit {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

class DatagramTarget : public Target {
 public:
  DatagramTarget(std::string name, std::string path)
      : name_(std::move(name)), path_(std::move(path)) {}
  ~DatagramTarget() override { hang_up(); }
  DatagramTarget(const DatagramTarget&) = delete;
  DatagramTarget& operator=(const DatagramTarget&) = delete;

  const std::string& name() const override { return name_; }
  Written write(const Batch& batch, milliseconds patience) override;
  std::string reopen() override { return {}; }

 private:
  virtual std::string datagram(const Batch::Line& line, std::string_view text) const = 0;
  int send(const std::string& datagram, Steady::time_point until);
  int send_once(const std::string& datagram, Steady::time_point until) const;
  int dial();
  void hang_up() {
    if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  }

  std::string name_;
  std::string path_;
  int descriptor_ = -1;
};

Written DatagramTarget::write(const Batch& batch, milliseconds patience) {
  const auto until = Steady::now() + patience;
  Written result;
  for (std::size_t i = 0; i < batch.lines.size(); ++i) {
    const auto& line = batch.lines[i];
    const auto fault = send(datagram(line, batch.text_of(line)), until);
    if (fault == 0) continue;
    if (fault == EMSGSIZE) {
      ++result.too_long;
      continue;
    }
    result.lost = batch.lines.size() - i;
    result.error = std::strerror(fault);
    break;
  }
  return result;
}

// Gives an errno, or 0. A logger that was restarted has another socket behind the same name.
int DatagramTarget::send(const std::string& datagram, Steady::time_point until) {
  const bool was_dialled = descriptor_ >= 0;
  if (!was_dialled) {
    if (const auto fault = dial(); fault != 0) return fault;
  }
  auto fault = send_once(datagram, until);
  if (fault == 0 || fault == EMSGSIZE || fault == EAGAIN) return fault;
  hang_up();
  if (!was_dialled) return fault;
  fault = dial();
  return fault == 0 ? send_once(datagram, until) : fault;
}

int DatagramTarget::send_once(const std::string& datagram, Steady::time_point until) const {
  for (;;) {
    if (::send(descriptor_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno;
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now()).count();
    if (left <= 0) return EAGAIN;
    pollfd waiting{descriptor_, POLLOUT, 0};
    poll(&waiting, 1, static_cast<int>(left));
  }
}

int DatagramTarget::dial() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return errno;
  if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return 0;
  }
  const auto fault = errno;
  hang_up();
  return fault;
}

class Syslog final : public DatagramTarget {
 public:
  Syslog(std::string path, std::string hostname)
      : DatagramTarget("syslog", std::move(path)), hostname_(std::move(hostname)) {}

 private:
  std::string datagram(const Batch::Line& line, std::string_view text) const override {
    return syslog_datagram(line, text, hostname_);
  }
  std::string hostname_;
};

class Journald final : public DatagramTarget {
 public:
  explicit Journald(std::string path) : DatagramTarget("journald", std::move(path)) {}

 private:
  std::string datagram(const Batch::Line& line, std::string_view text) const override {
    return journal_datagram(line, text);
  }
};

}  // namespace

std::unique_ptr<Target> make_syslog(const std::string& socket_path, const std::string& hostname) {
  return std::make_unique<Syslog>(socket_path, hostname);
}

std::unique_ptr<Target> make_journald(const std::string& socket_path) {
  return std::make_unique<Journald>(socket_path);
}

}  // namespace postern::audit
