// The ClientHello in SSLv2's format (RFC 5246 appendix E.2), by which old clients reach servers of
// SSLv2 too. It is read to be judged and handed on, and for what it offers; where that can be served,
// BoringSSL takes it.
#pragma once

#include <string_view>

#include "tls/engine.h"

namespace postern::tls {

enum class Sslv2Hello {
  none,         // the bytes are something else
  begun,        // they may become one
  for_sslv2,    // whole, from a client that knows SSLv2 alone
  for_ssl_tls,  // whole; the client asks for SSLv3 or TLS
};

// Judges the first bytes of a connection, however few. `offer` gets the version and the suites of a
// whole hello (those that SSLv2 alone has left out); it is untouched otherwise. What stands behind
// the hello is not looked at.
Sslv2Hello read_sslv2_hello(std::string_view first_bytes, Offer& offer);

}  // namespace postern::tls
