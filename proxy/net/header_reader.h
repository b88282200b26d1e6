// Awaits the PROXY header on an accepted connection, before anything else is read of it.
#pragma once

#include <uv.h>

#include <optional>

#include "proxy/net/bind.h"
#include "proxy/net/loop.h"
#include "proxy/net/proxy_header.h"
#include "proxy/net/timers.h"

namespace postern::net {

class HeaderReader;

// Why no header came.
enum class NoHeader {
  gone,    // the peer went without an octet, as probes of a port do
  late,    // it was not through in time, be it that nothing came
  broken,  // something else came, or it was cut short
};

// Each reader calls one of these, once; it is to be closed then, be it within the call.
class HeaderUser {
 public:
  // The header is through, and the socket has what follows it, unread. None: the connection's own
  // ends hold.
  virtual void on_header(HeaderReader& reader, Socket socket,
                         const std::optional<ProxyHeader::Ends>& ends) = 0;
  virtual void on_no_header(HeaderReader& reader, Socket socket, NoHeader why) = 0;

 protected:
  ~HeaderUser() = default;
};

// Takes from the socket what belongs to the header and not an octet more, so that whoever reads on
// needs to know nothing of it. Comes by begin(), goes by close() alone.
class HeaderReader final : TimerUser {
 public:
  // From the connection to the header's end. The balancer sends it at once; a packet that was lost
  // comes again after 3 s at most (proxy-protocol.txt section 2).
  static constexpr Instant kPatience{5000};

  // Takes over a non-blocking socket. Null, and the socket is closed, where the system has no room.
  // Callbacks come later, never from within this call.
  static HeaderReader* begin(Loop& loop, Socket socket, HeaderUser& user);
  // No callback comes any more; the object destroys itself, with its socket where it still has it.
  void close();

 private:
  HeaderReader(Loop& loop, Socket socket, HeaderUser& user);
  ~HeaderReader() = default;
  void read();
  void stop();
  void fail(NoHeader why);
  void on_timer() override;

  Socket socket_;
  HeaderUser& user_;
  ProxyHeader header_;
  bool has_read_ = false;
  uv_poll_t poll_{};
  Timer timer_;
};

}  // namespace postern::net
