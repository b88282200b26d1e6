// See header_reader.h.
#include "proxy/net/header_reader.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace postern::net {

HeaderReader::HeaderReader(Loop& loop, Socket socket, HeaderUser& user)
    : socket_(std::move(socket)), user_(user), timer_(loop.timers(), *this) {
  timer_.arm(loop.now() + kPatience);
}

HeaderReader* HeaderReader::begin(Loop& loop, Socket socket, HeaderUser& user) {
  auto* const reader = new HeaderReader(loop, std::move(socket), user);
  if (uv_poll_init(loop.native(), &reader->poll_, reader->socket_.get()) != 0) {
    delete reader;
    return nullptr;
  }
  reader->poll_.data = reader;
  const auto on_readable = [](uv_poll_t* handle, int, int) {
    static_cast<HeaderReader*>(handle->data)->read();
  };
  if (uv_poll_start(&reader->poll_, UV_READABLE, on_readable) != 0) {
    reader->close();
    return nullptr;
  }
  return reader;
}

// Looks at what came, lets the header say how much of it is its own, and takes that.
void HeaderReader::read() {
  std::array<char, 512> seen;
  for (;;) {
    const auto size = recv(socket_.get(), seen.data(), seen.size(), MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return fail(has_read_ ? NoHeader::broken : NoHeader::gone);
    has_read_ = true;
    const auto taken = header_.feed({seen.data(), static_cast<std::size_t>(size)});
    // It is there: nobody else reads from this socket.
    [[maybe_unused]] const auto got = recv(socket_.get(), seen.data(), taken, MSG_DONTWAIT);
    switch (header_.state()) {
      case ProxyHeader::State::reading:
        break;
      case ProxyHeader::State::broken:
        return fail(NoHeader::broken);
      case ProxyHeader::State::complete:
        stop();
        return user_.on_header(*this, std::move(socket_), header_.ends());
    }
  }
}

void HeaderReader::on_timer() { fail(NoHeader::late); }

void HeaderReader::fail(NoHeader why) {
  stop();
  user_.on_no_header(*this, std::move(socket_), why);
}

// Afterwards the loop knows nothing of the socket, so that a stream may take it over at once.
void HeaderReader::stop() {
  timer_.disarm();
  uv_poll_stop(&poll_);
}

void HeaderReader::close() {
  stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { delete static_cast<HeaderReader*>(handle->data); });
}

}  // namespace postern::net
