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
    if (reads_once) stream->stop_reading();
    loop.stop();
  }
  void on_end(net::Stream&) override {
    has_ended = true;
    loop.stop();
  }
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
  bool has_ended = false;
  bool reads_once = false;
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

TEST_CASE("a stream that nobody reads gives nothing, however often that has changed") {
  net::Loop loop;
  Pair pair(loop);
  const auto turn = [&loop] {
    for (int i = 0; i < 3; ++i) {
      loop.post([&loop] { loop.stop(); });
      loop.run();
    }
  };
  const auto send = [&pair](std::string_view text) {
    REQUIRE(::send(pair.peer.get(), text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
  };
  pair.stream->start_reading();
  turn();
  pair.stream->stop_reading();
  send("one");
  turn();
  REQUIRE(pair.read.empty());
  pair.stream->start_reading();
  loop.run();
  REQUIRE(pair.read == "one");
  pair.stream->stop_reading();
  pair.stream->start_reading();
  send(" two");
  loop.run();
  REQUIRE(pair.read == "one two");
  pair.stream->stop_reading();
  send(" three");
  REQUIRE(shutdown(pair.peer.get(), SHUT_WR) == 0);
  turn();
  REQUIRE(pair.read == "one two");
  REQUIRE_FALSE(pair.has_ended);
  pair.stream->start_reading();
  while (!pair.has_ended) loop.run();
  REQUIRE(pair.read == "one two three");
}

TEST_CASE("a stream knows whether its end is all that is left, and then tells it no more") {
  net::Loop loop;
  Pair pair(loop);
  pair.stream->start_reading();
  REQUIRE_FALSE(pair.stream->is_at_end());
  REQUIRE(::send(pair.peer.get(), "last", 4, 0) == 4);
  REQUIRE(shutdown(pair.peer.get(), SHUT_WR) == 0);
  REQUIRE_FALSE(pair.stream->is_at_end());
  loop.run();
  REQUIRE(pair.read == "last");
  REQUIRE(pair.stream->is_at_end());
  for (int i = 0; i < 3; ++i) {
    loop.post([&loop] { loop.stop(); });
    loop.run();
  }
  REQUIRE_FALSE(pair.has_ended);
  REQUIRE_FALSE(pair.stream->is_at_end());  // it was told
}

TEST_CASE("who reads once does not hear of the end that came with the bytes, until he reads on") {
  net::Loop loop;
  Pair pair(loop);
  pair.reads_once = true;
  REQUIRE(::send(pair.peer.get(), "last", 4, 0) == 4);
  pair.peer = net::Socket(-1);  // both directions end: EPOLLHUP
  pair.stream->start_reading();
  loop.run();
  for (int i = 0; i < 3; ++i) {
    loop.post([&loop] { loop.stop(); });
    loop.run();
  }
  REQUIRE(pair.read == "last");
  REQUIRE_FALSE(pair.has_ended);
  pair.stream->start_reading();
  loop.run();
  REQUIRE(pair.has_ended);
}
