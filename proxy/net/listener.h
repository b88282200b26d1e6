// Accepting on one socket.
#pragma once

#include <uv.h>

#include "proxy/net/bind.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::net {

class Listener;

class AcceptUser {
 public:
  // A connection was accepted: a non-blocking socket, and the client's address. It may have gone
  // already, so that the socket no longer knows that address.
  virtual void on_accept(Listener& listener, Socket socket, const Address& client) = 0;
  // Whether there is room for one more; asked before each.
  virtual bool may_accept() { return true; }
  // The system has no descriptors or memory left, or there is no room: accepting pauses for a
  // moment.
  virtual void on_accept_paused(Listener& listener, Error error) = 0;

 protected:
  ~AcceptUser() = default;
};

// libuv's own listening answers a lack of descriptors by accepting and closing, so that clients
// are lost; here accepting pauses instead, and they wait in the kernel's queue.
// Comes by new, goes by close() alone.
class Listener final : TimerUser {
 public:
  // Takes over a listening socket and accepts from now on.
  Listener(Loop& loop, Socket socket, AcceptUser& user);

  // Accepts what the kernel has queued, then closes; the object destroys itself.
  void close();
  Address local() const { return Address::of_socket(socket_.get()); }

 private:
  ~Listener() = default;
  void poll();
  // Accepts at most `most` connections. Whether the queue is empty now.
  bool accept_some(int most);
  void pause(Error error);
  void on_timer() override;

  Loop& loop_;
  Socket socket_;
  AcceptUser& user_;
  uv_poll_t poll_{};
  Timer pause_;
};

}  // namespace postern::net
