// Streams over real sockets.
#include "proxy/net/uv_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "proxy/net/bind.h"

using namespace postern;

namespace {

// A stream and the socket of its peer, over the loopback interface.
struct Pair final : net::StreamUser {
  explicit Pair(net::Loop& its_loop) : loop(its_loop) {
    int ends[2] = {-1, -1};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    auto* const made = new net::UvStream(loop);
    stream = net::StreamPtr(made);
    peer = net::Socket(ends[1]);
    REQUIRE(made->open(ends[0]) == 0);
    stream->attach(*this);
  }
  void on_read(net::Stream&, std::span<char> bytes) override {
    read.append(bytes.data(), bytes.size());
    loop.stop();
  }
  void on_end(net::Stream&) override {}
  void on_broken(net::Stream&, net::Error) override {}
  void on_written(net::Stream&) override {
    written = true;
    loop.stop();
  }

  // Takes what the stream has sent, until it is all.
  std::string take_all() {
    std::string all;
    while (!written) {
      char piece[4096];
      for (ssize_t size = 0; (size = recv(peer.get(), piece, sizeof piece, 0)) > 0;) {
        all.append(piece, static_cast<std::size_t>(size));
      }
      loop.post([this] { loop.stop(); });
      loop.run();
    }
    char piece[4096];
    for (ssize_t size = 0; (size = recv(peer.get(), piece, sizeof piece, 0)) > 0;) {
      all.append(piece, static_cast<std::size_t>(size));
    }
    return all;
  }

  net::Loop& loop;
  net::StreamPtr stream;
  net::Socket peer;
  std::string read;
  bool written = false;
};

}  // namespace

TEST_CASE("what is queued is kept in few pieces, however small the writes") {
  net::Loop loop;
  Pair pair(loop);
  std::string sent;
  while (pair.stream->queued() == 0) {
    const std::string much(64 * 1024, 'x');
    pair.stream->write(much);
    sent += much;
  }
  for (int i = 0; i < 10'000; ++i) {
    const std::string one(1, static_cast<char>('a' + i % 26));
    pair.stream->write(one);
    sent += one;
  }
  REQUIRE(loop.native()->active_reqs.count < 3);  // each has a block of memory of its own
  REQUIRE(pair.take_all() == sent);
  pair.stream.reset();
}
