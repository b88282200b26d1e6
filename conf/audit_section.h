// The section `audit`.
#pragma once

#include <cstddef>
#include <filesystem>

#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

inline constexpr std::size_t kMostAuditLogs = 8;
inline constexpr std::size_t kMostDaysKept = 36500;

// `folder` is what relative paths are relative to.
void read_audit(const Value& value, const std::filesystem::path& folder, Audit& audit);

}  // namespace postern::conf
