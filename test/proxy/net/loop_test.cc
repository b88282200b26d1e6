// Streams, dials, accepting and posting over libuv, on loopback.
#include "proxy/net/loop.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "proxy/net/bind.h"
#include "proxy/net/listener.h"
#include "proxy/net/uv_stream.h"

using namespace postern;
using namespace std::chrono_literals;

namespace {

// One end of a connection, with what happened to it.
struct End final : net::StreamUser {
  void take(net::StreamPtr given) {
    stream = std::move(given);
    stream->attach(*this);
    stream->start_reading();
  }
  void on_read(net::Stream&, std::span<char> bytes) override {
    received.append(bytes.data(), bytes.size());
    if (on_bytes) on_bytes();
  }
  void on_end(net::Stream&) override {
    has_ended = true;
    if (on_ended) on_ended();
  }
  void on_broken(net::Stream&, net::Error code) override {
    error = code;
    if (on_ended) on_ended();
  }
  void on_written(net::Stream&) override {}

  net::StreamPtr stream;
  std::string received;
  bool has_ended = false;
  std::optional<net::Error> error;
  std::function<void()> on_bytes;
  std::function<void()> on_ended;
};

// A listening socket, the end that it accepts, and the end that dials.
struct World final : net::AcceptUser, net::DialUser, net::TimerUser {
  World() {
    auto bound = net::bind_all(*net::Address::parse("127.0.0.1", 0), 1);
    auto& sockets = std::get<std::vector<net::Socket>>(bound);
    address = net::Address::of_socket(sockets.front().get());
    listener = new net::Listener(loop, std::move(sockets.front()), *this);
    limit.arm(loop.now() + 10s);  // no test hangs
  }
  ~World() {
    if (listener != nullptr) listener->close();
  }
  void on_accept(net::Listener&, net::Socket socket, const net::Address&) override {
    auto* const made = new net::UvStream(loop);
    net::StreamPtr owned(made);
    REQUIRE(made->open(socket.take()) == 0);
    server.take(std::move(owned));
    if (on_accepted) on_accepted();
  }
  void on_accept_paused(net::Listener&, net::Error) override { FAIL("accepting paused"); }
  void on_dialled(net::StreamPtr stream) override {
    client.take(std::move(stream));
    if (on_connected) on_connected();
  }
  void on_dial_failed(net::Error error) override {
    dial_error = error;
    loop.stop();
  }
  void on_timer() override {
    timed_out = true;
    loop.stop();
  }
  void dial() { dialling = loop.dial(address, *this); }

  net::Loop loop;
  net::Timer limit{loop.timers(), *this};
  net::Address address;
  net::Listener* listener = nullptr;
  std::unique_ptr<net::Dial> dialling;
  End client;
  End server;
  std::optional<net::Error> dial_error;
  std::function<void()> on_accepted;
  std::function<void()> on_connected;
  bool timed_out = false;
};

}  // namespace

TEST_CASE("bytes go both ways, and the end of one side crosses while the other goes on") {
  World world;
  net::Address local;
  net::Address peer;
  world.on_accepted = [&] { world.server.stream->write("220 "); };
  world.on_connected = [&] {
    local = world.client.stream->local();
    peer = world.client.stream->peer();
    world.client.stream->write("hello");
    world.client.stream->shut_write();
  };
  world.server.on_ended = [&] {
    world.server.stream->write("good bye");
    world.server.stream->shut_write();
  };
  world.client.on_ended = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.server.received == "hello");
  REQUIRE(world.client.received == "220 good bye");
  REQUIRE(peer == world.address);
  REQUIRE(local.ip() == "127.0.0.1");
  REQUIRE(local.port() != 0);
}

TEST_CASE("what the system does not take at once is queued, arrives whole, and the end behind it") {
  constexpr std::size_t kMuch = 8'000'000;
  World world;
  world.on_accepted = [&] { world.server.stream->write("220 "); };
  world.on_connected = [&] {
    world.client.stream->write(std::string(kMuch, 'x'));
    world.client.stream->write("the end");
    REQUIRE(world.client.stream->queued() > 0);
    world.client.stream->shut_write();
  };
  world.server.on_ended = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.server.received.size() == kMuch + 7);
  REQUIRE(world.server.received.ends_with("xthe end"));
  REQUIRE(world.client.stream->queued() == 0);
}

TEST_CASE("last words arrive whole, and the end behind them") {
  const auto words = GENERATE(std::string("bye"), std::string(), std::string(8'000'000, 'x'));
  World world;
  world.on_accepted = [&] {
    world.server.stream->write("220 ");
    world.server.stream->write_last(words);
  };
  world.client.on_ended = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.received == "220 " + words);
}

TEST_CASE("a stream may be let go of in its own callback, with bytes still queued") {
  World world;
  world.client.on_bytes = [&] {
    world.client.stream->write(std::string(8'000'000, 'x'));
    world.client.stream.reset();
  };
  world.server.on_ended = [&] { world.loop.stop(); };
  world.on_accepted = [&] { world.server.stream->write("go"); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE((world.server.has_ended || world.server.error));
}

TEST_CASE("a dial ends with the first octets, and they are the stream's new user's") {
  World world;
  world.on_connected = [&] { REQUIRE(world.client.received.empty()); };
  world.on_accepted = [&] { world.server.stream->write("220 ready\r\n"); };
  world.client.on_bytes = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.received == "220 ready\r\n");
}

TEST_CASE("a dial ends also where the other end hangs up without a word") {
  World world;
  world.on_accepted = [&] { world.server.stream.reset(); };
  world.client.on_ended = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.has_ended);
}

TEST_CASE("a dial ends also where the other end breaks it off, with a stream that is broken") {
  World world;
  world.on_accepted = [&] {
    world.server.stream->reset_on_close();
    world.server.stream.reset();
  };
  world.on_connected = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.stream->is_broken());
}

TEST_CASE("whoever lets go of a stream when it is dialled hears nothing of its first octets") {
  World world;
  world.on_accepted = [&] { world.server.stream->write("220 ready\r\n"); };
  world.on_connected = [&] {
    world.client.stream.reset();
    world.dialling.reset();
  };
  world.server.on_ended = [&] { world.loop.stop(); };
  world.dial();
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.received.empty());
}

TEST_CASE("a connection whose other end says nothing is handed over when it is asked for") {
  World world;
  world.dial();
  world.on_accepted = [&] { world.loop.post([&] { world.loop.stop(); }); };
  world.loop.run();
  REQUIRE(world.client.stream == nullptr);
  REQUIRE(world.dialling->hand_over());
  REQUIRE(world.client.stream != nullptr);
  world.client.on_bytes = [&] { world.loop.stop(); };
  world.server.stream->write("at last");
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.received == "at last");
}

TEST_CASE("who is spoken to first and hangs up instead of an answer was not reached") {
  const bool resets = GENERATE(true, false);
  World world;
  world.server.on_bytes = [&] {
    if (resets) world.server.stream->reset_on_close();
    world.server.stream.reset();
  };
  world.dial();
  world.dialling->say("hello");
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.client.stream == nullptr);
  REQUIRE(world.dial_error->code == -ECONNRESET);
}

TEST_CASE("a dial may speak first: it ends with the answer, which is the stream's new user's") {
  World world;
  world.server.on_bytes = [&] {
    if (world.server.received.size() == 100'000) world.server.stream->write("answer");
  };
  world.client.on_bytes = [&] { world.loop.stop(); };
  world.dial();
  world.dialling->say(std::string(100'000, 'x'));
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.server.received == std::string(100'000, 'x'));
  REQUIRE(world.client.received == "answer");
}

TEST_CASE("a refused dial that speaks first says so once, and not from within the call") {
  World world;
  world.listener->close();
  world.listener = nullptr;
  world.loop.post([&] { world.loop.stop(); });
  world.loop.run();  // the socket closes at the end of a turn
  world.dial();
  world.dialling->say("hello");
  REQUIRE_FALSE(world.dial_error);
  world.loop.run();
  REQUIRE_FALSE(world.timed_out);
  REQUIRE(world.dial_error);
}

TEST_CASE("a refused dial says so, and one that is given up never calls back") {
  World world;
  world.listener->close();
  world.listener = nullptr;
  world.loop.post([&] { world.loop.stop(); });
  world.loop.run();  // the socket closes at the end of a turn
  SECTION("refused") {
    world.dial();
    world.loop.run();
    REQUIRE(world.dial_error);
    REQUIRE(world.dial_error->code == -ECONNREFUSED);
  }
  SECTION("given up") {
    world.dial();
    world.dialling.reset();
    world.loop.post([&] { world.loop.post([&] { world.loop.stop(); }); });
    world.loop.run();
    REQUIRE_FALSE(world.dial_error);
  }
  REQUIRE_FALSE(world.timed_out);
}

TEST_CASE("tasks posted from another thread run on the loop's, in their order") {
  World world;
  std::string order;
  std::thread other([&] {
    for (const char c : {'a', 'b', 'c'}) world.loop.post([&order, c] { order += c; });
    world.loop.post([&] { world.loop.stop(); });
  });
  world.loop.run();
  other.join();
  REQUIRE(order == "abc");
}

TEST_CASE("a busy loop does not wait, and one that waits is woken from another thread") {
  struct Limit final : net::TimerUser {
    explicit Limit(net::Loop& its_loop) : loop(its_loop) { timer.arm(loop.now() + 60s); }
    void on_timer() override { loop.stop(); }
    net::Loop& loop;
    net::Timer timer{loop.timers(), *this};
  };
  constexpr int kBusyTurns = 100;
  net::Loop loop;
  const Limit limit(loop);
  std::thread other;
  int turns = 0;
  loop.before_waiting([&] {
    ++turns;
    loop.set_busy(turns < kBusyTurns);
    if (turns == kBusyTurns) other = std::thread([&] { loop.wake(); });
    if (turns > kBusyTurns) loop.stop();
  });
  loop.run();
  if (other.joinable()) other.join();
  REQUIRE(limit.timer.is_armed());  // so it was none that ended it
  REQUIRE(turns > kBusyTurns);
}

TEST_CASE("an address that is listened on cannot be had again, not even with SO_REUSEPORT") {
  auto first = net::bind_all(*net::Address::parse("127.0.0.1", 0), 2);
  const auto& sockets = std::get<std::vector<net::Socket>>(first);
  REQUIRE(sockets.size() == 2);
  const auto address = net::Address::of_socket(sockets.front().get());
  REQUIRE(net::Address::of_socket(sockets.back().get()) == address);
  const auto second = net::bind_all(address, 2);
  REQUIRE(std::get<net::Error>(second).code == -EADDRINUSE);
}
