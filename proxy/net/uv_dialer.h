// Connecting over libuv.
#pragma once

#include <uv.h>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::net {

class UvStream;

// One attempt to connect. Destroying it closes the socket.
class UvDial final : public Dial {
 public:
  UvDial(Loop& loop, const Address& address, DialUser& user);
  ~UvDial() override;

 private:
  struct Attempt;  // what libuv needs until its callback has come
  Attempt* attempt_;
};

}  // namespace postern::net
