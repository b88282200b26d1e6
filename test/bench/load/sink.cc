// See sink.h.
#include "test/bench/load/sink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "test/bench/load/sink_dialogue.h"

namespace postern::bench {
namespace {

// As much of a message as is sent at once.
const std::string& block() {
  static const std::string kBlock = [] {
    std::string text;
    while (text.size() < (1U << 20)) text += std::string(78, 'm') + "\r\n";
    return text;
  }();
  return kBlock;
}

class Session {
 public:
  Session(int descriptor, Protocol protocol, std::uint64_t message)
      : descriptor_(descriptor), dialogue_(protocol, message) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { ::close(descriptor_); }

  // Whether the connection goes on.
  bool read(std::array<char, 262144>& buffer) {
    const auto size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    dialogue_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    return true;
  }

  // Whether the connection goes on.
  bool write() {
    for (;;) {
      auto& text = dialogue_.text();
      auto& octets = dialogue_.octets();
      if (!text.empty()) {
        const auto sent = send(text, octets > 0);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        text.erase(0, static_cast<std::size_t>(sent));
      } else if (octets > 0) {
        const auto size = std::min<std::uint64_t>(octets, block().size());
        const auto sent =
            send(std::string_view(block()).substr(0, static_cast<std::size_t>(size)), true);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        octets -= static_cast<std::uint64_t>(sent);
      } else if (!dialogue_.after().empty()) {
        text.swap(dialogue_.after());
      } else {
        return !dialogue_.is_over();
      }
    }
  }

  bool has_more() {
    return !dialogue_.text().empty() || dialogue_.octets() > 0 || !dialogue_.after().empty();
  }

  // Whether epoll asks for room to write; changed where `wanted` differs.
  bool watches_write = false;

 private:
  ssize_t send(std::string_view bytes, bool more_comes) const {
    return ::send(descriptor_, bytes.data(), bytes.size(),
                  MSG_NOSIGNAL | (more_comes ? MSG_MORE : 0));
  }

  int descriptor_;
  SinkDialogue dialogue_;
};

int listen_on(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (descriptor < 0 || ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(descriptor, 8192) != 0) {
    return -1;
  }
  return descriptor;
}

class Sink {
 public:
  explicit Sink(std::uint64_t message) : message_(message), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(STDIN_FILENO, EPOLLIN, EPOLL_CTL_ADD);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { ::close(epoll_); }

  bool listen(Protocol protocol, std::uint16_t port) {
    const int descriptor = listen_on(port);
    if (descriptor < 0) return false;
    listeners_[descriptor] = protocol;
    watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
    return true;
  }

  void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        const int descriptor = event.data.fd;
        if (descriptor == STDIN_FILENO) return;
        if (const auto listener = listeners_.find(descriptor); listener != listeners_.end()) {
          accept_all(descriptor, listener->second);
        } else {
          serve(descriptor, event.events);
        }
      }
    }
  }

 private:
  void watch(int descriptor, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    ::epoll_ctl(epoll_, operation, descriptor, &event);
  }

  void accept_all(int listener, Protocol protocol) {
    const int on = 1;
    for (int fresh = 0;
         (fresh = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      ::setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto& session = sessions_[fresh];
      session = std::make_unique<Session>(fresh, protocol, message_);
      watch(fresh, EPOLLIN, EPOLL_CTL_ADD);
      if (!session->write()) sessions_.erase(fresh);
    }
  }

  void serve(int descriptor, std::uint32_t events) {
    auto& session = *sessions_.at(descriptor);
    if (((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && !session.read(buffer_)) ||
        !session.write()) {
      sessions_.erase(descriptor);
      return;
    }
    if (session.has_more() == session.watches_write) return;
    session.watches_write = !session.watches_write;
    watch(descriptor, session.watches_write ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }

  std::uint64_t message_;
  int epoll_;
  std::unordered_map<int, Protocol> listeners_;
  std::unordered_map<int, std::unique_ptr<Session>> sessions_;
  std::array<char, 262144> buffer_{};
};

}  // namespace

int serve_sink(const SinkSettings& settings) {
  const auto sink = std::make_unique<Sink>(settings.message);
  for (const auto& [protocol, port] : settings.ports) {
    if (sink->listen(protocol, port)) continue;
    std::fprintf(stderr, "mail_load: cannot listen on port %u: %s\n", port, std::strerror(errno));
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  sink->run();
  return 0;
}

}  // namespace postern::bench
