// A blocking client on loopback for the tests of the demonstration's legacy mail server.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::demo_test {

class Wire {
 public:
  static constexpr int kPatience = 10'000;  // milliseconds

  explicit Wire(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { close(descriptor_); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end() { shutdown(descriptor_, SHUT_WR); }

  // Up to and including `end`; what there was when the server closed, or said nothing for too long.
  std::string read_until(std::string_view end) {
    while (input_.find(end) == std::string::npos && fill()) {
    }
    const std::size_t at = input_.find(end);
    const std::string text = input_.substr(0, at == std::string::npos ? at : at + end.size());
    input_.erase(0, text.size());
    return text;
  }
  // All until the server closes.
  std::string read_all() {
    while (fill()) {
    }
    return std::string(input_);
  }

 private:
  bool fill() {
    pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
    std::array<char, 65536> buffer;
    const ssize_t got = poll(&entry, 1, kPatience) > 0
                            ? recv(descriptor_, buffer.data(), buffer.size(), 0)
                            : ssize_t{0};
    input_.append(buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0));
    return got > 0;
  }

  int descriptor_;
  std::string input_;
};

// Sends `commands` at once, ends, and gives all that the server says.
inline std::string converse(std::uint16_t port, std::string_view commands) {
  Wire wire(port);
  wire.send(commands);
  wire.end();
  return wire.read_all();
}

}  // namespace postern::demo_test
