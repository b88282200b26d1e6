// See listener.h.
#include "proxy/net/listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace postern::net {

namespace {

// Connections taken in one turn of the loop, so that a flood does not starve the sessions there.
constexpr int kAcceptsPerTurn = 32;
// At closing: what the kernel may have queued (see kBacklog).
constexpr int kAcceptsAtClosing = 4096;
constexpr Instant kPause{250};

}  // namespace

Listener::Listener(Loop& loop, Socket socket, AcceptUser& user)
    : loop_(loop), socket_(std::move(socket)), user_(user), pause_(loop.timers(), *this) {
  uv_poll_init(loop_.native(), &poll_, socket_.get());
  poll_.data = this;
  poll();
}

void Listener::poll() {
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<Listener*>(handle->data)->accept_some(kAcceptsPerTurn);
  });
}

bool Listener::accept_some(int most) {
  for (int i = 0; i < most; ++i) {
    // At closing there is no later: whoever waits is let in, as far as the system can.
    if (most != kAcceptsAtClosing && !user_.may_accept()) {
      pause(Error{-EMFILE});
      return true;
    }
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    Socket accepted(accept4(socket_.get(), address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.get() >= 0) {
      user_.on_accept(*this, std::move(accepted), Address::from(address));
      continue;
    }
    const Error error{-errno};
    if (error.code == -EAGAIN) return true;
    if (error.is_exhaustion()) {
      pause(error);
      return true;
    }
    // Anything else concerns that one connection (ECONNABORTED and the like, accept(2)).
  }
  return false;
}

void Listener::pause(Error error) {
  uv_poll_stop(&poll_);
  pause_.arm(loop_.now() + kPause);
  user_.on_accept_paused(*this, error);
}

void Listener::on_timer() { poll(); }

void Listener::close() {
  pause_.disarm();
  uv_poll_stop(&poll_);
  accept_some(kAcceptsAtClosing);
  pause_.disarm();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { delete static_cast<Listener*>(handle->data); });
}

}  // namespace postern::net
