// Accepting on a real socket of the loopback interface.
#include "proxy/net/listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace postern;

namespace {

struct Accepted final : net::AcceptUser {
  explicit Accepted(net::Loop& its_loop) : loop(its_loop) {}
  void on_accept(net::Listener&, net::Socket, const net::Address& client) override {
    clients.push_back(client);
    loop.stop();
  }
  bool may_accept() override { return has_room; }
  void on_accept_paused(net::Listener&, net::Error) override {
    ++pauses;
    has_room = true;
  }
  net::Loop& loop;
  std::vector<net::Address> clients;
  bool has_room = true;
  int pauses = 0;
};

// Connects, and gives the address of its own end.
std::pair<net::Socket, net::Address> connect_to(const net::Address& server) {
  net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const auto length = server.to(storage);
  REQUIRE(connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0);
  const auto own = net::Address::of_socket(socket.get());
  return {std::move(socket), own};
}

}  // namespace

TEST_CASE("a client that resets before it is accepted is known by its address all the same") {
  net::Loop loop;
  Accepted accepted(loop);
  auto bound = net::bind_all(*net::Address::parse("127.0.0.1", 0), 1);
  auto* const sockets = std::get_if<std::vector<net::Socket>>(&bound);
  REQUIRE(sockets != nullptr);
  auto* const listener = new net::Listener(loop, std::move(sockets->front()), accepted);
  net::Address own;
  {
    auto [socket, address] = connect_to(listener->local());
    own = address;
    const linger reset{1, 0};
    REQUIRE(setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
  }
  loop.run();
  listener->close();
  REQUIRE(accepted.clients == std::vector{own});
}

TEST_CASE("while there is no room nobody is accepted, and later those who have waited are") {
  net::Loop loop;
  Accepted accepted(loop);
  accepted.has_room = false;
  auto bound = net::bind_all(*net::Address::parse("127.0.0.1", 0), 1);
  auto* const sockets = std::get_if<std::vector<net::Socket>>(&bound);
  REQUIRE(sockets != nullptr);
  auto* const listener = new net::Listener(loop, std::move(sockets->front()), accepted);
  const auto [socket, own] = connect_to(listener->local());
  loop.run();
  listener->close();
  REQUIRE(accepted.pauses == 1);
  REQUIRE(accepted.clients == std::vector{own});
}
