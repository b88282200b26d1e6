// The sections of the settings file, from the tree into a draft.
#pragma once

#include <optional>

#include "conf/draft.h"
#include "conf/findings.h"
#include "conf/tree.h"

namespace postern::conf {

inline constexpr std::size_t kMostAddresses = 16;  // of one listener
inline constexpr std::size_t kMostCertificates = 4096;
inline constexpr std::size_t kMostHidden = 64;  // verbs

// Reads all that can be read; `file` is what relative paths are relative to. Everything that is
// wrong by itself goes to `findings`; what contradicts something else is for check().
Draft read_sections(const Node& root, const std::string& file, Findings& findings);

}  // namespace postern::conf
