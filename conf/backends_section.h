// The section `backends`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "conf/draft.h"
#include "conf/findings.h"
#include "conf/reader.h"

namespace postern::conf {

inline constexpr std::size_t kMostBackends = 256;
inline constexpr std::size_t kMostServers = 16;  // of one backend

inline constexpr std::string_view kBackendsExpected =
    "a mapping of backends, each name with its servers";

// Relative paths are from `folder`.
void read_backends(const Value& value, const std::filesystem::path& folder, Draft& draft,
                   Findings& findings);

}  // namespace postern::conf
