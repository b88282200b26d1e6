// The keys of TLS about which clients may come, and come back: SNI, certificates of their own, session
// tickets.
#pragma once

#include <filesystem>

#include "conf/draft.h"
#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

// A part of read_tls(): what is not stated stays as it is in `tls`. Relative paths are relative to
// `folder`.
void read_tls_clients(const Fields& fields, const std::filesystem::path& folder, Tls& tls,
                      TlsPlaces& places);

}  // namespace postern::conf
