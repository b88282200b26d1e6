// What postern says of itself, on stderr: one line a message, with time and level. Events that an
// auditor wants go to audit/ instead.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "conf/settings.h"

namespace postern::log {

// From any thread; messages below the level are dropped. Set once, before the threads start.
void set_level(conf::LogLevel level);

// Writes one line. Control characters in `message` are replaced: it may quote a peer.
void write(conf::LogLevel level, std::string_view message);

template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(conf::LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(conf::LogLevel::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(conf::LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace postern::log
