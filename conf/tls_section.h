// The section `certificates`, and the keys of TLS with clients.
#pragma once

#include <filesystem>

#include "conf/draft.h"
#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

// A chain, its key and what belongs to them; relative paths are relative to `folder`.
void read_certificate_files(const Fields& fields, const std::filesystem::path& folder,
                            Certificate& certificate);

// One of `certificates`; relative paths are relative to `folder`.
void read_certificate(const Value& value, const std::filesystem::path& folder, Settings& settings);

// The value of `min_version_from`: into `all`, in the order of the days. Nothing where it is not valid.
void read_dated_versions(const Value& value, std::vector<DatedVersion>& all);

// The keys that `tls` and a listener have in common; relative paths are relative to `folder`.
void read_tls(const Fields& fields, const std::filesystem::path& folder, Tls& tls,
              TlsPlaces& places);

}  // namespace postern::conf
