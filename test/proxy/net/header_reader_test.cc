// The PROXY header taken from a real socket, and nothing behind it.
#include "proxy/net/header_reader.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

using namespace postern;

namespace {

// Two connected sockets, and what a reader on one of them says. The loop runs until it does.
struct Awaiting final : net::HeaderUser {
  Awaiting() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    balancer = net::Socket(ends[0]);
    reader = net::HeaderReader::begin(loop, net::Socket(ends[1]), *this);
    REQUIRE(reader != nullptr);
  }
  ~Awaiting() {
    if (reader != nullptr) reader->close();
  }

  void send(std::string_view bytes) {
    REQUIRE(::send(balancer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void hang_up() { balancer = net::Socket(); }

  // What follows the header.
  std::string rest() {
    std::array<char, 1024> bytes{};
    const auto size = read(socket.get(), bytes.data(), bytes.size());
    return size < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }

  void on_header(net::HeaderReader& its_reader, net::Socket its_socket,
                 const std::optional<net::ProxyHeader::Ends>& ends) override {
    told = ends ? ends->source.text() + " " + ends->destination.text() : "own";
    end(its_reader, std::move(its_socket));
  }
  void on_no_header(net::HeaderReader& its_reader, net::Socket its_socket,
                    net::NoHeader why) override {
    told = why == net::NoHeader::gone ? "gone" : why == net::NoHeader::late ? "late" : "broken";
    end(its_reader, std::move(its_socket));
  }
  void end(net::HeaderReader& its_reader, net::Socket its_socket) {
    REQUIRE(&its_reader == reader);
    REQUIRE(its_socket.get() >= 0);
    socket = std::move(its_socket);
    reader->close();
    reader = nullptr;
    loop.stop();
  }

  net::Loop loop;
  net::Socket balancer;
  net::Socket socket;
  net::HeaderReader* reader = nullptr;
  std::string told;
};

constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.1 198.51.100.2 57344 143\r\n";

}  // namespace

TEST_CASE("a PROXY header is taken from the socket, and what follows it stays there") {
  Awaiting awaiting;
  awaiting.send(std::string(kHeader) + "a NOOP\r\n");
  awaiting.loop.run();
  CHECK(awaiting.told == "192.0.2.1:57344 198.51.100.2:143");
  CHECK(awaiting.rest() == "a NOOP\r\n");
}

TEST_CASE("a PROXY header may come octet by octet, each in a turn of the loop of its own") {
  Awaiting awaiting;
  std::size_t sent = 0;
  awaiting.loop.before_waiting([&] {
    if (sent < kHeader.size()) awaiting.send(kHeader.substr(sent++, 1));
  });
  awaiting.loop.run();
  CHECK(sent == kHeader.size());
  CHECK(awaiting.told == "192.0.2.1:57344 198.51.100.2:143");
  CHECK(awaiting.rest().empty());
}

TEST_CASE("a PROXY header longer than one look is taken whole") {
  Awaiting awaiting;
  const std::string head("\r\n\r\n\0\r\nQUIT\n\x20\x00\x10\x00", 16);
  awaiting.send(head + std::string(4096, 't') + "EHLO");
  awaiting.loop.run();
  CHECK(awaiting.told == "own");
  CHECK(awaiting.rest() == "EHLO");
}

TEST_CASE("what is no PROXY header is broken at once; so is one that is cut short") {
  SECTION("another protocol") {
    Awaiting awaiting;
    awaiting.send("EHLO client.example.test\r\n");
    awaiting.loop.run();
    CHECK(awaiting.told == "broken");
  }
  SECTION("cut short") {
    Awaiting awaiting;
    awaiting.send(kHeader.substr(0, 20));
    awaiting.hang_up();
    awaiting.loop.run();
    CHECK(awaiting.told == "broken");
  }
}

TEST_CASE("who goes without an octet was a probe") {
  Awaiting awaiting;
  awaiting.hang_up();
  awaiting.loop.run();
  CHECK(awaiting.told == "gone");
}

TEST_CASE("a PROXY header has its time, which dribbling does not lengthen") {
  Awaiting awaiting;
  const auto begin = awaiting.loop.now();
  awaiting.send(kHeader.substr(0, 20));
  awaiting.loop.run();
  CHECK(awaiting.told == "late");
  CHECK(awaiting.loop.now() - begin >= net::HeaderReader::kPatience);
}

TEST_CASE("a reader that is closed says nothing any more, and takes its socket along") {
  Awaiting awaiting;
  awaiting.send(kHeader);
  awaiting.reader->close();
  awaiting.reader = nullptr;
  bool is_first = true;
  awaiting.loop.before_waiting([&] {
    if (!is_first) awaiting.loop.stop();
    is_first = false;
    awaiting.loop.post([] {});
  });
  awaiting.loop.run();
  CHECK(awaiting.told.empty());
  CHECK(::send(awaiting.balancer.get(), "x", 1, MSG_NOSIGNAL) == -1);
}
