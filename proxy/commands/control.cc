// See control.h.
#include "proxy/commands/control.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "conf/load.h"
#include "proxy/commands/certificate_table.h"
#include "proxy/net/clock.h"

namespace postern::commands {

namespace {

using Json = nlohmann::json;

struct Failure {
  std::string text;
};

constexpr std::size_t kLongestAnswer = 64UL * 1024 * 1024;
// Reading a thousand certificates anew takes a second or so where the machine is idle.
constexpr timeval kPatience{120, 0};

// Closes itself.
struct Descriptor {
  explicit Descriptor(int number) : value(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
  const int value;
};

// Sends a line, and gives all that comes back.
bool ask(const Descriptor& connection, std::string_view line, std::string& answer) {
  if (send(connection.value, line.data(), line.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(line.size())) {
    return false;
  }
  std::array<char, 16384> octets;
  for (;;) {
    const auto size = recv(connection.value, octets.data(), octets.size(), 0);
    if (size < 0) return false;
    if (size == 0) return true;
    answer.append(octets.data(), static_cast<std::size_t>(size));
    if (answer.size() > kLongestAnswer) {
      errno = EMSGSIZE;
      return false;
    }
  }
}

// What postern answers, or why it does not.
std::variant<Json, Failure> answer_to(const std::string& command, const std::string& path) {
  sockaddr_un address{};
  const auto failed = [&](int error) {
    const std::string_view why =
        error == EAGAIN ? "no answer within two minutes" : std::strerror(error);
    return Failure{fmt::format("cannot speak to postern at {}: {}{}", path, why,
                               error == ENOENT || error == ECONNREFUSED
                                   ? " (does it run, and is this its admin.socket?)"
                                   : "")};
  };
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    setsockopt(connection.value, SOL_SOCKET, which, &kPatience, sizeof kPatience);
  }
  if (connect(connection.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(errno);
  }
  std::string text;
  // Whom it does not know it hangs up on.
  if (!ask(connection, Json{{"command", command}}.dump() + "\n", text) && errno != ECONNRESET &&
      errno != EPIPE) {
    return failed(errno);
  }
  auto json = Json::parse(text, nullptr, false);
  if (json.is_object() && json.contains("ok")) return json;
  return Failure{
      fmt::format("{} gives no answer: only root and the user that postern runs as may "
                  "ask",
                  path)};
}

// Where it listens.
std::variant<std::string, Failure> socket_of(const ControlRequest& request) {
  if (!request.socket.empty()) return request.socket;
  if (request.settings_path.empty()) return conf::Admin().socket;
  auto loaded = conf::load_file(request.settings_path);
  if (!loaded.settings) return Failure{conf::text_of(loaded.diagnostics)};
  if (loaded.settings->admin.socket.empty()) {
    return Failure{fmt::format("{}: admin.socket is \"\": such a postern takes no commands",
                               request.settings_path)};
  }
  return loaded.settings->admin.socket;
}

int complain(const Failure& failure) {
  std::cerr << "postern: " << failure.text << (failure.text.ends_with('\n') ? "" : "\n");
  return 1;
}

int print_reload(const Json& answer) {
  for (const auto& warning : answer.value("warnings", std::vector<std::string>())) {
    std::cerr << "warning: " << warning << "\n";
  }
  const auto changed = answer.value("changed", std::vector<std::string>());
  for (const auto& one : changed) std::cout << one << "\n";
  if (changed.empty()) std::cout << "all certificates are as before\n";
  return 0;
}

}  // namespace

int control(const ControlRequest& request) {
  using What = ControlRequest::What;
  const auto path = socket_of(request);
  if (path.index() == 1) return complain(std::get<1>(path));
  constexpr auto command_of = [](What what) {
    return what == What::list     ? "certificates.list"
           : what == What::reload ? "certificates.reload"
                                  : "metrics";
  };
  const auto answered = answer_to(command_of(request.what), std::get<0>(path));
  if (answered.index() == 1) return complain(std::get<1>(answered));
  const auto& answer = std::get<0>(answered);
  if (!answer.value("ok", false)) {
    for (const auto& error : answer.value("errors", std::vector<std::string>())) {
      std::cerr << error << "\n";
    }
    return 1;
  }
  if (request.what == What::reload) return print_reload(answer);
  if (request.what == What::metrics) {
    std::cout << answer.value("text", "");
  } else if (request.json) {
    std::cout << answer.at("certificates").dump(2) << "\n";
  } else {
    std::cout << certificate_table(answer, net::wall_clock());
  }
  return 0;
}

}  // namespace postern::commands
