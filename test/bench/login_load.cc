// A load for benchmarks: IMAP logins through a proxy to a tiny server in this program, as fast as the
// proxy takes them, a connection each. Two threads, so that neither client nor server waits for the
// other. It knows nothing of postern, and measures no CPU: who runs it does.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace {

constexpr auto kMaxIdle = std::chrono::seconds(30);  // without any event: something hangs
constexpr unsigned kUsers = 500;
constexpr unsigned kAddresses = 200;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "login_load: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(port);
  return address;
}

int tcp_socket() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (descriptor < 0 || ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    die("socket");
  }
  return descriptor;
}

// Lines of some octets always fit into an empty send buffer.
void send_line(int descriptor, std::string_view line) {
  if (::send(descriptor, line.data(), line.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(line.size()) &&
      errno != EPIPE && errno != ECONNRESET) {
    die("send");
  }
}

// Sockets with the line that each is in the middle of.
class Sockets {
 public:
  Sockets() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
  }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  ~Sockets() { ::close(epoll_); }

  void add(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
  }

  void close(int descriptor) {
    lines_.erase(descriptor);
    ::close(descriptor);
  }

  // Calls `ready(descriptor)` for each that can be read; false when none could for `wait`.
  template <typename Ready>
  bool poll(std::chrono::milliseconds wait, Ready ready) {
    std::array<epoll_event, 128> events;
    const int count =
        ::epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(wait.count()));
    for (int i = 0; i < count; ++i) ready(events[static_cast<std::size_t>(i)].data.fd);
    return count > 0;
  }

  // Calls `each(line)` for whole lines; false at the stream's end.
  template <typename Each>
  bool read_lines(int descriptor, Each each) {
    std::array<char, 4096> buffer;
    const auto size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    auto& line = lines_[descriptor];
    for (ssize_t i = 0; i < size; ++i) {
      line += buffer[static_cast<std::size_t>(i)];
      if (line.back() != '\n') continue;
      const auto whole = std::exchange(line, {});
      if (!each(std::string_view(whole))) return true;  // it has closed the descriptor
    }
    return true;
  }

 private:
  int epoll_;
  std::unordered_map<int, std::string> lines_;
};

// The server: greets, and says OK to every line.
void serve(int listener, const std::atomic<bool>& is_over) {
  Sockets sockets;
  sockets.add(listener);
  const auto serve_one = [&](int descriptor) {
    const bool is_open = sockets.read_lines(descriptor, [&](std::string_view line) {
      send_line(descriptor, std::string(line.substr(0, line.find(' '))) + " OK done\r\n");
      return true;
    });
    if (!is_open) sockets.close(descriptor);
  };
  const auto accept_all = [&] {
    for (int fresh = 0;
         (fresh = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      sockets.add(fresh);
      send_line(fresh, "* OK [CAPABILITY IMAP4rev1] ready\r\n");
    }
  };
  while (!is_over) {
    sockets.poll(std::chrono::milliseconds(100), [&](int descriptor) {
      descriptor == listener ? accept_all() : serve_one(descriptor);
    });
  }
}

// The clients: `together` at any time, until `logins` have succeeded. Users and addresses repeat.
class Clients {
 public:
  Clients(std::uint16_t port, unsigned logins) : port_(port), logins_(logins) {}

  void run(unsigned together) {
    while (started_ < logins_ && started_ < together) start();
    while (done_ < logins_) {
      if (!sockets_.poll(kMaxIdle, [this](int descriptor) { serve(descriptor); })) {
        errno = ETIMEDOUT;
        die("logins");
      }
    }
  }

 private:
  void start() {
    const int descriptor = tcp_socket();
    const auto from = loopback(0x7f010001 + (started_ % kAddresses << 8), 0);
    const int late = 1;  // the port is chosen with the destination in mind, so they don't run out
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) die("bind");
    const auto to = loopback(INADDR_LOOPBACK, port_);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS) {
      die("connect");
    }
    users_[descriptor] = started_ % kUsers;
    ++started_;
    sockets_.add(descriptor);
  }

  void serve(int descriptor) {
    const bool is_open = sockets_.read_lines(descriptor, [&](std::string_view line) {
      if (line.substr(0, 4) == "* OK") {
        send_line(descriptor, "a LOGIN user" + std::to_string(users_[descriptor]) + " secret\r\n");
        return true;
      }
      if (line.substr(0, 4) != "a OK") {
        std::fprintf(stderr, "login_load: the answer was %.*s", static_cast<int>(line.size()),
                     line.data());
        std::_Exit(1);
      }
      sockets_.close(descriptor);
      ++done_;
      if (started_ < logins_) start();
      return false;
    });
    if (!is_open) {
      errno = ECONNRESET;
      die("a session without a login");
    }
  }

  std::uint16_t port_;
  unsigned logins_;
  unsigned started_ = 0;
  unsigned done_ = 0;
  Sockets sockets_;
  std::unordered_map<int, unsigned> users_;
};

unsigned number(const char* text) {
  unsigned value = 0;
  const auto* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value == 0) {
    std::fprintf(stderr, "login_load: not a number: %s\n", text);
    std::exit(2);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: login_load PROXY_PORT SERVER_PORT LOGINS TOGETHER\n");
    return 2;
  }
  const auto proxy = static_cast<std::uint16_t>(number(argv[1]));
  const auto server = loopback(INADDR_LOOPBACK, static_cast<std::uint16_t>(number(argv[2])));
  const int listener = tcp_socket();
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 ||
      ::listen(listener, SOMAXCONN) != 0) {
    die("the server's port");
  }
  std::atomic<bool> is_over = false;
  std::thread backend([&] { serve(listener, is_over); });
  const auto begin = std::chrono::steady_clock::now();
  Clients(proxy, number(argv[3])).run(number(argv[4]));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  is_over = true;
  backend.join();
  std::printf("%.3f\n", took.count());  // seconds
  return 0;
}
