// Blocking sockets with lines, see connection.h.
#include "proxy/demo/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace postern::demo {
namespace {

constexpr std::size_t kReadOctets = 16 * 1024;
constexpr std::chrono::seconds kFarewell{1};
constexpr std::size_t kFarewellOctets = 1024 * 1024;

bool poll_for(int descriptor, short events, std::chrono::milliseconds patience) {
  pollfd entry{.fd = descriptor, .events = events, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&entry, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Connection::~Connection() { close(descriptor_); }

bool Connection::fill() {
  if (!poll_for(descriptor_, POLLIN, patience_)) {
    return false;
  }
  input_.erase(0, taken_);
  taken_ = 0;
  std::array<char, kReadOctets> buffer;
  const ssize_t got = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    return false;
  }
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> Connection::read_piece(std::size_t most) {
  std::size_t searched = 0;
  while (true) {
    const std::string_view waiting = std::string_view(input_).substr(taken_);
    const std::size_t end = waiting.substr(0, most).find('\n', searched);
    if (end != std::string_view::npos || waiting.size() >= most) {
      std::string piece(waiting.substr(0, end == std::string_view::npos ? most : end + 1));
      taken_ += piece.size();
      return piece;
    }
    searched = waiting.size();
    if (!fill()) {
      return std::nullopt;
    }
  }
}

std::optional<std::string> Connection::read_line(std::size_t most) {
  std::optional<std::string> line = read_piece(most);
  return line && line->ends_with('\n') ? line : std::nullopt;
}

std::optional<std::string> Connection::read_some() {
  if (is_drained() && !fill()) {
    return std::nullopt;
  }
  std::string octets = input_.substr(taken_);
  taken_ = input_.size();
  return octets;
}

bool Connection::read_octets(std::size_t count, std::string& to) {
  while (count > 0) {
    const std::string_view waiting = std::string_view(input_).substr(taken_, count);
    to += waiting;
    taken_ += waiting.size();
    count -= waiting.size();
    if (count > 0 && !fill()) {
      return false;
    }
  }
  return true;
}

bool Connection::wait(std::chrono::milliseconds patience) {
  return !is_drained() || poll_for(descriptor_, POLLIN, patience);
}

bool Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!poll_for(descriptor_, POLLOUT, patience_)) {
      return false;
    }
    // Not blocking, since room for one octet would be enough for poll().
    const ssize_t sent =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(sent < 0 ? 0 : static_cast<std::size_t>(sent));
  }
  return true;
}

void Connection::finish() {
  shutdown(descriptor_, SHUT_WR);
  input_.clear();
  taken_ = 0;
  std::array<char, kReadOctets> buffer;
  std::size_t thrown_away = 0;
  while (thrown_away < kFarewellOctets && poll_for(descriptor_, POLLIN, kFarewell)) {
    const ssize_t got = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      break;
    }
    thrown_away += static_cast<std::size_t>(got);
  }
  shut();
}

void Connection::shut() { shutdown(descriptor_, SHUT_RDWR); }

}  // namespace postern::demo
