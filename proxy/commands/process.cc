// See process.h.
#include "proxy/commands/process.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "proxy/log.h"

namespace postern::commands {

namespace {

sigset_t signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

void forbid_memory_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef POSTERN_SANITIZED  // the leak checker must be able to trace its own process
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

std::optional<std::string> drop_privileges(const conf::Settings& settings) {
  if (geteuid() != 0) return std::nullopt;
  const bool is_given = !settings.user.empty();
  const auto* const user = getpwnam(is_given ? settings.user.c_str() : conf::kDefaultUser);
  if (user == nullptr) {
    if (is_given) {
      return fmt::format("{}:{}:{}: user: there is no user {}", settings.file,
                         settings.user_place.line, settings.user_place.column, settings.user);
    }
    log::warn("postern runs as root: there is no user {}, and `user` is not set",
              conf::kDefaultUser);
    return std::nullopt;
  }
  if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
      setuid(user->pw_uid) != 0) {
    return fmt::format("cannot become user {}: {}", user->pw_name, std::strerror(errno));
  }
  if (user->pw_uid == 0) log::warn("postern runs as root, as `user` says");
  return std::nullopt;
}

SignalDescriptor::SignalDescriptor()
    : descriptor_([] {
        const auto set = signals();
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
      }()) {}

SignalDescriptor::~SignalDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

void hold_signals_of_service() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void take_over_signals() {
  const auto set = signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int await_signal(std::chrono::milliseconds most) {
  const auto set = signals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(most);
  const timespec limit{seconds.count(), std::chrono::nanoseconds(most - seconds).count()};
  const int signal = sigtimedwait(&set, nullptr, &limit);
  return signal > 0 ? signal : 0;
}

}  // namespace postern::commands
