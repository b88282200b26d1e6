// See log.h.
#include "proxy/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "proxy/net/clock.h"

namespace postern::log {

namespace {

std::atomic<conf::LogLevel> least{conf::LogLevel::info};

std::string_view name_of(conf::LogLevel level) {
  switch (level) {
    case conf::LogLevel::debug:
      return "debug";
    case conf::LogLevel::info:
      return "info";
    case conf::LogLevel::warn:
      return "warn";
    case conf::LogLevel::error:
      return "error";
  }
  __builtin_unreachable();
}

}  // namespace

void set_level(conf::LogLevel level) { least = level; }

void write(conf::LogLevel level, std::string_view message) {
  if (level < least.load()) return;
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(net::wall_clock());
  auto line = fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {} {}", now, name_of(level), message);
  for (auto& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  line += '\n';
  // One system call a line, so that lines of several threads do not mix. Nobody to tell if it
  // fails.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace postern::log
