// What a listener does by a client's first bytes, before it knows more of it.
#pragma once

#include "conf/draft.h"
#include "conf/findings.h"
#include "conf/reader.h"

namespace postern::conf {

// A listener's auto_wait, legacy_tls and legacy_servers.
void read_first_bytes(const Fields& fields, Listener& listener, ListenerPlaces& places);

// What of these can never act there, or says too little.
void check_first_bytes(const Draft& draft, std::size_t listener, Findings& findings);

}  // namespace postern::conf
