// The section `admin`.
#pragma once

#include <cstddef>
#include <filesystem>

#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

inline constexpr std::size_t kLongestSocketPath = 107;  // what sockaddr_un holds

// `folder` is what relative paths are relative to.
void read_admin(const Value& value, const std::filesystem::path& folder, Admin& admin);

}  // namespace postern::conf
