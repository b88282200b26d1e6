// What every connection's socket has set.
#pragma once

namespace postern::net {

// No delay (each write is all that there is to say), TCP keepalive, and the system's limit for octets
// that the peer's system does not acknowledge. On a listening socket: what it accepts has them too
// (socket(7), tcp(7)), which saves each connection the system calls.
void set_stream_options(int socket);

}  // namespace postern::net
