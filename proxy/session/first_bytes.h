// What a client's first bytes on a connection are: TLS or clear text.
#pragma once

#include <string_view>

namespace postern::session {

// A TLS record with a handshake message (RFC 8446 5.1), or an SSLv2-format ClientHello (RFC 5246
// E.2), which old Java sends. No mail command begins like either.
bool looks_like_tls(std::string_view first_bytes);

// Whether they may become such a hello of SSLv2's format, however few they are: the first octet is its
// length's, with the highest bit set.
bool begins_like_sslv2(std::string_view first_bytes);

// Of a connection's very first bytes, of which more may be on their way: looks_like_tls(), or too few of
// a hello in SSLv2's format.
bool may_become_tls(std::string_view first_bytes);

// Whether these bytes of a client end with QUIT or LOGOUT. Nothing depends on it but what is worth a
// try.
bool looks_like_farewell(std::string_view bytes);

}  // namespace postern::session
