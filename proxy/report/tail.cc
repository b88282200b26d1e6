// See tail.h.
#include "proxy/report/tail.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "proxy/report/logs.h"
#include "proxy/report/text.h"

namespace postern::report {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostLine = 64 * 1024;  // of a longer one this much is read, as one line
constexpr auto kPause = std::chrono::milliseconds(250);

class Words {
 public:
  explicit Words(const Json& event) : event_(event) {}

  std::string text(const char* key) const {
    const auto found = event_.find(key);
    if (found == event_.end()) return "";
    return harmless(found->is_string()
                        ? found->get_ref<const std::string&>()
                        : found->dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  // Appends it after a blank.
  void add(std::string_view word) {
    if (!word.empty()) line_.append(line_.empty() ? "" : " ").append(word);
  }
  void add_wide(std::string_view word, std::size_t width) {
    add(word.empty() ? "-" : word);
    const auto used = std::max<std::size_t>(width_of(word), 1);
    if (used < width) line_.append(width - used, ' ');
  }
  std::string take() {
    line_.erase(line_.find_last_not_of(' ') + 1);
    return std::move(line_);
  }

 private:
  const Json& event_;
  std::string line_;
};

// Reads a line of at most kMostLine octets; what is not ended yet stays in `partial`.
bool next_line(std::istream& in, std::string& partial, std::string& line) {
  for (int c = in.get(); c != std::char_traits<char>::eof(); c = in.get()) {
    if (c == '\n' || partial.size() >= kMostLine) {
      line = std::move(partial);
      partial.clear();
      return true;
    }
    partial += static_cast<char>(c);
  }
  return false;
}

// Which file a path leads to, to notice rotation.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
};
bool identify(const std::string& path, Identity& identity) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return false;
  identity = {status.st_dev, status.st_ino, status.st_size};
  return true;
}

void show_new(std::istream& in, std::string& partial, std::ostream& out) {
  std::string line;
  while (next_line(in, partial, line)) out << readable_line(line) << "\n";
  out.flush();
  in.clear();
}

// From the end of what has been read: further lines, and those of the file's successor.
int follow(const std::string& path, std::ifstream& in, std::string partial, std::ostream& out) {
  Identity open_one;
  identify(path, open_one);
  while (out) {
    show_new(in, partial, out);
    Identity now;
    if (identify(path, now)) {
      const bool is_other = now.inode != open_one.inode || now.device != open_one.device;
      if (is_other || now.size < in.tellg()) {
        show_new(in, partial, out);  // its last words
        in.close();
        in.open(path, std::ios::binary);
        partial.clear();
      }
      open_one = now;
    }
    std::this_thread::sleep_for(kPause);
  }
  return 1;
}

}  // namespace

std::string readable_line(std::string_view line) {
  const auto event = Json::parse(line, nullptr, false);
  if (!event.is_object() || !event.contains("event.action")) return harmless(line, 1000);
  Words words(event);
  words.add_wide(words.text("@timestamp"), 24);
  auto action = words.text("event.action");
  const auto outcome = words.text("event.outcome");
  if (action == "login" && outcome == "failure") action = "login failed";
  words.add_wide(action, 17);
  if (!words.text("postern.listener").empty()) {
    words.add_wide(words.text("postern.listener"), 12);
    words.add_wide(words.text("source.ip"), 15);
    const auto version = words.text("tls.version");
    words.add_wide(version.empty() ? words.text("postern.security") : "TLS " + version, 9);
  }
  const auto domain = words.text("user.domain");
  auto user = words.text("user.name");
  if (!user.empty() && !domain.empty()) user.insert(0, domain + "\\");
  if (user.empty() && !words.text("user.hash").empty()) user = "hash:" + words.text("user.hash");
  words.add(user);
  const auto add_named = [&](const char* name, const std::string& text) {
    if (!text.empty()) words.add(fmt::format("{}={}", name, text));
  };
  add_named("as", words.text("user.effective.name"));
  add_named("mechanism", words.text("postern.auth.mechanism"));
  if (words.text("postern.auth.secret_exposed") == "true") words.add("EXPOSED");
  if (words.text("postern.policy.verdict") == "warn") words.add("warned");
  if (words.text("postern.policy.rule") != "listener") {
    add_named("rule", words.text("postern.policy.rule"));
  }
  add_named("reason", words.text("event.reason"));
  add_named("last", words.text("postern.last_command"));
  add_named("with", words.text("user_agent.original"));
  return words.take();
}

int tail_command(const TailRequest& request, std::ostream& out, std::ostream& messages) {
  std::string partial;
  if (request.file == "-") {
    std::string line;
    while (next_line(std::cin, partial, line)) out << readable_line(line) << "\n" << std::flush;
    return 0;
  }
  const auto path = request.file.empty() ? log_of(request.config, messages) : request.file;
  if (path.empty()) return 1;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    messages << fmt::format("postern audit tail: {} cannot be read\n", path);
    return 1;
  }
  // The last `lines` of it are looked for in no more than this at its end.
  const auto most = static_cast<std::streamoff>(request.lines * 4096);
  in.seekg(0, std::ios::end);
  const auto end = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(end - most, 0));
  std::string line;
  if (end > most) next_line(in, partial, line);  // the rest of one
  std::deque<std::string> last;
  while (next_line(in, partial, line)) {
    last.push_back(line);
    if (last.size() > request.lines) last.pop_front();
  }
  for (const auto& one : last) out << readable_line(one) << "\n";
  out.flush();
  in.clear();
  return request.follow ? follow(path, in, std::move(partial), out) : 0;
}

}  // namespace postern::report
