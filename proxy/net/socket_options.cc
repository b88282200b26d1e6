// See socket_options.h.
#include "proxy/net/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace postern::net {

namespace {

// Both peers: five minutes until the first keepalive probe, and as long for bytes that the peer's
// system does not acknowledge, probes included. Far longer than any hiccup, far shorter than TCP's
// own patience.
constexpr int kKeepaliveSeconds = 300;
constexpr int kUserTimeoutMilliseconds = 300'000;

}  // namespace

// None of them can fail on a TCP socket of Linux, and without any of them the connection works.
void set_stream_options(int socket) {
  constexpr int kOn = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof kOn);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepaliveSeconds, sizeof kKeepaliveSeconds);
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMilliseconds,
             sizeof kUserTimeoutMilliseconds);
}

}  // namespace postern::net
