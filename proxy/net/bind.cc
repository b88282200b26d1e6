// See bind.h.
#include "proxy/net/bind.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/net/socket_options.h"

namespace postern::net {

namespace {

// What the kernel holds for us while all workers are busy; it is cut to net.core.somaxconn.
constexpr int kBacklog = 4096;

enum class Sharing { exclusive, reuse_port };

std::variant<Socket, Error> bind_one(const Address& address, Sharing sharing) {
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return Error{-errno};
  const int on = 1;
  const int off = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (sharing == Sharing::reuse_port &&
      setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return Error{-errno};
  }
  set_stream_options(socket.get());
  sockaddr_storage storage{};
  const auto length = address.to(storage);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    return Error{-errno};
  }
  return socket;
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::variant<std::vector<Socket>, Error> bind_all(const Address& address, std::size_t count) {
  Address bound = address;
  {
    // The probe: without SO_REUSEPORT, so that any other socket on the address fails it.
    auto probe = bind_one(address, Sharing::exclusive);
    if (const auto* error = std::get_if<Error>(&probe)) return *error;
    bound = Address::of_socket(std::get<Socket>(probe).get());
  }
  std::vector<Socket> sockets;
  for (std::size_t i = 0; i < count; ++i) {
    auto made = bind_one(bound, Sharing::reuse_port);
    if (const auto* error = std::get_if<Error>(&made)) return *error;
    sockets.push_back(std::move(std::get<Socket>(made)));
  }
  // Listening only now: a connection in between would go to a socket that nobody serves yet.
  for (const auto& socket : sockets) {
    if (listen(socket.get(), kBacklog) != 0) return Error{-errno};
  }
  return sockets;
}

}  // namespace postern::net
