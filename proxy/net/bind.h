// Listening sockets, made by hand: libuv 1.44 knows no SO_REUSEPORT.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "proxy/net/address.h"
#include "proxy/net/stream.h"

namespace postern::net {

// A descriptor that is closed when it goes. Movable.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket();

  int get() const { return descriptor_; }
  int take() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

// Binds `count` sockets to one address with SO_REUSEPORT, so that each worker accepts for itself,
// and listens on them. Port 0 becomes one free port for all of them. Another process on that
// address is an error (EADDRINUSE) even where it set SO_REUSEPORT too: else the two would share the
// port in silence. `[::]` takes IPv4 as well.
std::variant<std::vector<Socket>, Error> bind_all(const Address& address, std::size_t count);

}  // namespace postern::net
