// Where the lines of the audit log go.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/event_json.h"

namespace postern::audit {

// Lines that were written together, and what a target says of each beside it.
struct Batch {
  struct Line {
    std::size_t begin;  // in `text`
    std::size_t size;   // with its newline
    Level level;
    std::string_view action;  // a constant
    std::string session;      // "" for events of the node
  };
  std::string text;  // all lines, one behind the other
  std::vector<Line> lines;

  // A line without its newline.
  std::string_view text_of(const Line& line) const {
    return std::string_view(text).substr(line.begin, line.size - 1);
  }
  // One of its lines alone.
  Batch only(std::size_t index) const {
    Batch one;
    one.lines.push_back(lines[index]);
    one.lines[0].begin = 0;
    one.text = text.substr(lines[index].begin, lines[index].size);
    return one;
  }
};

// How a batch went.
struct Written {
  std::size_t lost = 0;      // lines that did not get there whole: the last ones
  std::string error;         // why; "" where none was lost
  std::size_t too_long = 0;  // lines that this target never takes
};

// One place. Used by the log's thread alone.
class Target {
 public:
  virtual ~Target() = default;
  // As the settings say it, for messages: a path, `stdout`, `syslog`, `journald`.
  virtual const std::string& name() const = 0;
  // Writes what it can. It may wait for room, but for `patience` at most in all.
  virtual Written write(const Batch& batch, std::chrono::milliseconds patience) = 0;
  // Opens its file anew, as after its name was given to another; the error says what failed, and
  // the old one stays. "" where there is nothing to open, too.
  virtual std::string reopen() = 0;
};

// What a file target's path already held when it was opened.
struct FileTail {
  std::string last_line;    // without its newline; "" where it holds none
  bool is_torn = false;     // its last line has no end: its writer was killed
  bool is_unknown = false;  // it could not be read, or no line ends where one must
};

// The end of a file of lines; one of its lines is never longer than kMostTail. Of what is no regular
// file, and of an empty one, nothing.
inline constexpr std::size_t kMostTail = 64 * 1024;
FileTail read_tail(const std::string& path);

// Standard output, or a file that is appended to or made with mode 0640. `error` says why it could
// not be opened; the target is null then.
std::unique_ptr<Target> make_standard_output();
std::unique_ptr<Target> make_file(const std::string& path, std::string& error);

// Datagrams to a local socket: dialled when the first line is to be written, and again after each
// failure, so a logger that comes later or is restarted is no fault of the settings.
// syslog: RFC 5424, facility authpriv. journald: its native protocol.
std::unique_ptr<Target> make_syslog(const std::string& socket_path, const std::string& hostname);
std::unique_ptr<Target> make_journald(const std::string& socket_path);

}  // namespace postern::audit
