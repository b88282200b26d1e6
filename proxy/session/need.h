// What a client that was refused in its handshake would need, in the settings' words.
#pragma once

#include <string>

#include "tls/lack.h"

namespace postern::session {

// "profile: legacy and min_version: 1.0 by a rule"; "" where nothing is lacking. Made of constant
// pieces, nothing of the client's.
std::string text_of(const tls::Lack& lack);

}  // namespace postern::session
