// The keys of TLS about which clients may come.
#pragma once

#include "conf/draft.h"
#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

// A part of read_tls(): what is not stated stays as it is in `tls`.
void read_tls_clients(const Fields& fields, Tls& tls, TlsPlaces& places);

}  // namespace postern::conf
