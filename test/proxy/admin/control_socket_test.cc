// The control socket: who may speak, how much, and how long.
#include "proxy/admin/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "test/proxy/audit/temporary_folder.h"

using namespace postern;
using namespace std::chrono_literals;
using admin::ControlSocket;

namespace {

// A client that never waits.
class Client {
 public:
  explicit Client(const std::string& path)
      : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(descriptor_); }

  void say(const std::string& text) const {
    send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // What has come, at most so much; is_over() afterwards.
  std::string hear(std::size_t most = SIZE_MAX) {
    std::string all;
    std::array<char, 4096> octets;
    while (all.size() < most) {
      const auto size = recv(descriptor_, octets.data(), octets.size(), 0);
      is_over_ = size == 0 || (size < 0 && errno != EAGAIN);
      if (size <= 0) break;
      all.append(octets.data(), static_cast<std::size_t>(size));
    }
    return all;
  }
  bool is_over() {
    hear();
    return is_over_;
  }

 private:
  const int descriptor_;
  bool is_over_ = false;
};

std::unique_ptr<ControlSocket> opened(const std::string& path) {
  auto socket = ControlSocket::open(path);
  if (const auto* error = std::get_if<std::string>(&socket)) FAIL(*error);
  return std::move(std::get<0>(socket));
}

std::string error_of(const std::string& path) {
  const auto socket = ControlSocket::open(path);
  const auto* const error = std::get_if<std::string>(&socket);
  return error == nullptr ? "" : *error;
}

const ControlSocket::Answer kEcho = [](std::string_view request) {
  return "<" + std::string(request) + ">";
};
const admin::Steady::time_point kNow{1000s};

}  // namespace

TEST_CASE("control socket: a request in any pieces gets one answer, and the connection ends") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("admin.sock");
  const auto socket = opened(path);
  const std::string request = "one request\nand more\n";
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    Client client(path);
    client.say(request.substr(0, cut));
    socket->turn(kNow, kEcho);
    client.say(request.substr(cut));
    socket->turn(kNow, kEcho);
    REQUIRE(client.hear() == "<one request>\n");
    REQUIRE(client.is_over());
  }
}

TEST_CASE("control socket: its file is for its user alone, and goes with it") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("admin.sock");
  umask(0);
  auto socket = opened(path);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777U) == 0600);
  SECTION("removed at the end") {
    socket.reset();
    REQUIRE_FALSE(std::filesystem::exists(path));
  }
  SECTION("but not where another has taken its place") {
    std::filesystem::remove(path);
    const auto other = opened(path);
    socket.reset();
    REQUIRE(std::filesystem::exists(path));
  }
}

TEST_CASE("control socket: one that was left behind is replaced, and nothing else is") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("admin.sock");
  const auto in_use =
      "cannot listen on " + path +
      ": Address already in use (by another postern; or it was left behind by another "
      "user: then remove it)";
  SECTION("left behind") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    close(left);
    opened(path);
  }
  SECTION("in use") {
    const auto socket = opened(path);
    REQUIRE(error_of(path) == in_use);
  }
  SECTION("a file") {
    std::ofstream(path) << "precious";
    REQUIRE(error_of(path) == in_use);
    REQUIRE(std::filesystem::file_size(path) == 8);
  }
  SECTION("no folder") {
    REQUIRE(error_of(folder.file("none/admin.sock")) ==
            "cannot listen on " + folder.file("none/admin.sock") + ": No such file or directory");
  }
  SECTION("too long") {
    const std::string name(200, 'x');
    REQUIRE(error_of(name) == name + " is no path for a socket");
  }
}

TEST_CASE("control socket: who says nothing, too much, or takes nothing holds up nobody") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("admin.sock");
  const auto socket = opened(path);
  Client silent(path);
  Client flooding(path);
  Client deaf(path);
  const std::string much(8UL * 1024 * 1024, 'x');
  deaf.say("give\n");
  const ControlSocket::Answer answer = [&](std::string_view request) {
    return request == "give" ? much : "<" + std::string(request) + ">";
  };
  flooding.say(std::string(ControlSocket::kLongestRequest + 1, 'x'));
  socket->turn(kNow, answer);
  REQUIRE(flooding.is_over());
  REQUIRE(socket->due() == kNow + ControlSocket::kPatience);

  Client honest(path);
  honest.say("hello\n");
  socket->turn(kNow + 1s, answer);
  REQUIRE(honest.hear() == "<hello>\n");
  REQUIRE(deaf.hear(4096) == std::string(4096, 'x'));

  socket->turn(kNow + ControlSocket::kPatience, answer);
  REQUIRE(silent.is_over());
  REQUIRE(deaf.is_over());
  REQUIRE(socket->due() == admin::Steady::time_point::max());
}

TEST_CASE("control socket: as many clients as it has room for, the others wait") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("admin.sock");
  const auto socket = opened(path);
  std::array<std::unique_ptr<Client>, ControlSocket::kMostClients + 1> clients;
  for (auto& client : clients) client = std::make_unique<Client>(path);
  clients.back()->say("last\n");
  socket->turn(kNow, kEcho);
  REQUIRE(clients.back()->hear().empty());
  std::vector<pollfd> waiting;
  socket->add_to(waiting);
  REQUIRE(waiting.size() == ControlSocket::kMostClients);
  clients.front()->say("first\n");
  socket->turn(kNow, kEcho);
  socket->turn(kNow, kEcho);
  REQUIRE(clients.front()->hear() == "<first>\n");
  REQUIRE(clients.back()->hear() == "<last>\n");
}
