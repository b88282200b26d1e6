// Sockets and threads of the legacy mail server, see legacy_server.h.
//
// One thread accepts for all three protocols and is the only one that touches the list of sessions.
// Each session has a thread. A session that is over marks itself and wakes the accepting thread,
// which joins and forgets it. The pipe that wakes it has two uses: a session is over, or all is.
#include "proxy/demo/legacy_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

namespace postern::demo {
namespace {

constexpr int kBacklog = 32;
// How long nothing is accepted after the system had no descriptor left for a connection.
constexpr std::chrono::milliseconds kPause{100};

std::string failure(std::string_view what) {
  return "legacy mail server: " + std::string(what) + ": " + std::strerror(errno);
}

sockaddr* as_sockaddr(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

}  // namespace

struct LegacyServer::Service {
  void (*serve)(Connection&, LegacySite&);
  std::string_view too_busy;  // what one connection too many is told
  int socket = -1;
  std::uint16_t port = 0;
};

tls::Result<std::unique_ptr<LegacyServer>> LegacyServer::start(LegacyOptions options) {
  std::unique_ptr<LegacyServer> server(new LegacyServer(std::move(options)));
  std::string error = server->listen();
  if (!error.empty()) {
    return tls::Error{std::move(error)};
  }
  try {
    server->accepting_ = std::thread([&server = *server] { server.accept_all(); });
  } catch (const std::system_error& no_thread) {
    return tls::Error{std::string("legacy mail server: no thread: ") + no_thread.what()};
  }
  return server;
}

LegacyServer::LegacyServer(LegacyOptions options) {
  site_.options = std::move(options);
  services_ = {{.serve = serve_smtp, .too_busy = "421 4.3.2 Too many connections\r\n"},
               {.serve = serve_imap, .too_busy = "* BYE Too many connections\r\n"},
               {.serve = serve_pop3, .too_busy = "-ERR Too many connections\r\n"}};
}

LegacyServer::~LegacyServer() {
  is_stopping_ = true;
  wake();
  if (accepting_.joinable()) {
    accepting_.join();
  }
  for (Session& session : sessions_) {
    session.connection.shut();
  }
  for (Session& session : sessions_) {
    session.thread.join();
  }
  sessions_.clear();
  for (const Service& service : services_) {
    close(service.socket);
  }
  close(wake_read_);
  close(wake_write_);
}

std::string LegacyServer::listen() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return failure("pipe");
  }
  wake_read_ = ends[0];
  wake_write_ = ends[1];
  for (Service& service : services_) {
    service.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (service.socket < 0) {
      return failure("socket");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (bind(service.socket, as_sockaddr(address), length) != 0 ||
        ::listen(service.socket, kBacklog) != 0 ||
        getsockname(service.socket, as_sockaddr(address), &length) != 0) {
      return failure("listen on 127.0.0.1");
    }
    service.port = ntohs(address.sin_port);
  }
  return "";
}

LegacyPorts LegacyServer::ports() const {
  return {.smtp = services_[0].port, .imap = services_[1].port, .pop3 = services_[2].port};
}

void LegacyServer::wake() {
  // A full pipe wakes just as well.
  [[maybe_unused]] const ssize_t written = write(wake_write_, "", 1);
}

void LegacyServer::accept_all() {
  std::vector<pollfd> waits = {{.fd = wake_read_, .events = POLLIN, .revents = 0}};
  for (const Service& service : services_) {
    waits.push_back({.fd = service.socket, .events = POLLIN, .revents = 0});
  }
  while (true) {
    poll(waits.data(), waits.size(), -1);
    std::array<char, 64> thrown_away;
    while (read(wake_read_, thrown_away.data(), thrown_away.size()) > 0) {
    }
    if (is_stopping_) {
      return;
    }
    join_ended();
    for (std::size_t index = 0; index < services_.size(); ++index) {
      if (waits[index + 1].revents != 0) {
        accept_one(services_[index]);
      }
    }
  }
}

void LegacyServer::accept_one(const Service& service) {
  const int descriptor = accept4(service.socket, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      std::this_thread::sleep_for(kPause);
    }
    return;
  }
  if (sessions_.size() >= kMaxSessions) {
    Connection(descriptor).send(service.too_busy);
    return;
  }
  Session& session = sessions_.emplace_back(descriptor);
  try {
    session.thread = std::thread([this, &session, serve = service.serve] {
      try {
        serve(session.connection, site_);
        session.connection.finish();
      } catch (const std::exception&) {  // out of memory: this session ends, the others go on
        session.connection.shut();
      }
      session.is_over = true;
      wake();
    });
  } catch (const std::system_error&) {  // no thread to be had: the client sees it closed
    sessions_.pop_back();
  }
}

void LegacyServer::join_ended() {
  std::erase_if(sessions_, [](Session& session) {
    if (session.is_over) {
      session.thread.join();
      return true;
    }
    return false;
  });
}

}  // namespace postern::demo
