// See datagrams.h.
#include "proxy/audit/datagrams.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace postern::audit {

namespace {

constexpr int kFacility = 10;  // authpriv: security messages that are not for everyone
constexpr std::string_view kProgram = "postern";
constexpr std::size_t kMostHostname = 255;

// RFC 5424 section 6.2.1, and what PRIORITY holds.
int severity_of(Level level) {
  switch (level) {
    case Level::info:
      return 6;
    case Level::warn:
      return 4;
    case Level::error:
      return 3;
  }
  __builtin_unreachable();
}

bool fits_hostname(std::string_view text) {
  return !text.empty() && text.size() <= kMostHostname &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// The value of `@timestamp`, which is RFC 3339 and stands first in every line.
std::string_view time_of(std::string_view line) {
  constexpr std::string_view kBefore = R"({"@timestamp":")";
  line.remove_prefix(std::min(line.size(), kBefore.size()));
  return line.substr(0, line.find('"'));
}

}  // namespace

std::string syslog_datagram(const Batch::Line& line, std::string_view text,
                            std::string_view hostname) {
  return fmt::format("<{}>1 {} {} {} {} {} - {}", kFacility * 8 + severity_of(line.level),
                     time_of(text), fits_hostname(hostname) ? hostname : "-", kProgram, getpid(),
                     line.action, text);
}

void append_journal_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8) {  // 64 bits, little-endian
      out += static_cast<char>((static_cast<std::uint64_t>(value.size()) >> shift) & 0xff);
    }
  }
  out += value;
  out += '\n';
}

std::string journal_datagram(const Batch::Line& line, std::string_view text) {
  std::string out;
  append_journal_field(out, "MESSAGE", text);
  append_journal_field(out, "PRIORITY", fmt::format("{}", severity_of(line.level)));
  append_journal_field(out, "SYSLOG_IDENTIFIER", kProgram);
  append_journal_field(out, "SYSLOG_FACILITY", fmt::format("{}", kFacility));
  append_journal_field(out, "POSTERN_ACTION", line.action);
  if (!line.session.empty()) append_journal_field(out, "POSTERN_SESSION", line.session);
  return out;
}

}  // namespace postern::audit
