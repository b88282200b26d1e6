// Reads what a ClientHello offers (RFC 8446 section 4.1.2). For this room's own files only.
#pragma once

#include <memory>

#include "tls/boringssl.h"
#include "tls/engine.h"

namespace postern::tls {

// Never null. A list or extension that is malformed, or beyond Offer's bounds, is cut where it goes
// wrong: BoringSSL itself judges the message.
std::unique_ptr<Offer> read_offer(const SSL_CLIENT_HELLO& hello);

}  // namespace postern::tls
