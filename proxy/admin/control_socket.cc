// See control_socket.h.
#include "proxy/admin/control_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/log.h"

namespace postern::admin {

namespace {

constexpr int kQueue = 8;
constexpr mode_t kMode = 0600;
constexpr std::chrono::milliseconds kAcceptPause{1000};

int new_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// A socket to which nobody listens any more.
bool is_left_behind(const std::string& path, const sockaddr_un& address) {
  struct stat there {};
  if (lstat(path.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode)) return false;
  const int probe = new_socket();
  if (probe < 0) return false;
  const bool is_refused =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  close(probe);
  return is_refused;
}

bool bind_to(int descriptor, const sockaddr_un& address) {
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool may_speak(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == geteuid());
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

std::variant<std::unique_ptr<ControlSocket>, std::string> ControlSocket::open(
    const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fmt::format("{} is no path for a socket", path);
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const int descriptor = new_socket();
  const auto failed = [&](int error) {
    if (descriptor >= 0) close(descriptor);
    return fmt::format("cannot listen on {}: {}{}", path, std::strerror(error),
                       error == EADDRINUSE ? " (by another postern; or it was left behind by "
                                             "another user: then remove it)"
                                           : "");
  };
  if (descriptor < 0) return failed(errno);
  // Before it has a name: so it never has another mode.
  if (fchmod(descriptor, kMode) != 0) return failed(errno);
  if (!bind_to(descriptor, address)) {
    const int error = errno;
    if (error != EADDRINUSE || !is_left_behind(path, address)) return failed(error);
    if (unlink(path.c_str()) != 0 || !bind_to(descriptor, address)) return failed(errno);
  }
  if (listen(descriptor, kQueue) != 0) return failed(errno);
  return std::unique_ptr<ControlSocket>(new ControlSocket(path, descriptor));
}

ControlSocket::ControlSocket(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {
  struct stat made {};
  if (lstat(path_.c_str(), &made) == 0) {
    device_ = made.st_dev;
    inode_ = made.st_ino;
  }
}

ControlSocket::~ControlSocket() {
  for (const auto& client : clients_) close(client.descriptor);
  close(descriptor_);
  struct stat there {};
  if (lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

void ControlSocket::add_to(std::vector<pollfd>& waiting) const {
  const bool has_room = clients_.size() < kMostClients && accept_again_ == Steady::time_point{};
  if (has_room) waiting.push_back({descriptor_, POLLIN, 0});
  for (const auto& client : clients_) {
    const short wanted = client.is_answered ? POLLOUT : POLLIN;
    waiting.push_back({client.descriptor, wanted, 0});
  }
}

Steady::time_point ControlSocket::due() const {
  auto due = accept_again_ == Steady::time_point{} ? Steady::time_point::max() : accept_again_;
  for (const auto& client : clients_) due = std::min(due, client.until);
  return due;
}

void ControlSocket::turn(Steady::time_point now, const Answer& answer) {
  if (now >= accept_again_) accept_clients(now);
  std::erase_if(clients_, [&](Client& client) {
    const bool goes_on = now < client.until && go_on(client, now, answer);
    if (!goes_on) close(client.descriptor);
    return !goes_on;
  });
}

void ControlSocket::accept_clients(Steady::time_point now) {
  accept_again_ = {};
  while (clients_.size() < kMostClients) {
    const int client = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) {
      // Sessions have all descriptors: the one that waits would wake this thread without end.
      if (!would_block() && errno != ECONNABORTED) accept_again_ = now + kAcceptPause;
      return;
    }
    if (may_speak(client)) {
      clients_.push_back({client, now + kPatience, "", ""});
    } else {
      close(client);
    }
  }
}

bool ControlSocket::go_on(Client& client, Steady::time_point now, const Answer& answer) {
  if (!client.is_answered) {
    if (!read_request(client)) return false;
    const auto end = client.request.find('\n');
    if (end == std::string::npos) return client.request.size() <= kLongestRequest;
    client.answer = answer(std::string_view(client.request).substr(0, end)) + "\n";
    client.is_answered = true;
    client.until = now + kPatience;
  }
  return send_answer(client);
}

bool ControlSocket::read_request(Client& client) {
  std::array<char, 1024> octets;
  while (client.request.size() <= kLongestRequest) {
    const auto size = recv(client.descriptor, octets.data(), octets.size(), 0);
    if (size < 0) return would_block();
    client.request.append(octets.data(), static_cast<std::size_t>(size));
    if (client.request.find('\n') != std::string::npos) return true;
    if (size == 0) return false;
  }
  return false;
}

bool ControlSocket::send_answer(Client& client) {
  while (!client.answer.empty()) {
    const auto size =
        send(client.descriptor, client.answer.data(), client.answer.size(), MSG_NOSIGNAL);
    if (size < 0) return would_block();
    client.answer.erase(0, static_cast<std::size_t>(size));
  }
  return false;  // all is said
}

}  // namespace postern::admin
