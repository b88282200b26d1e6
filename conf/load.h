// YAML text in, Settings out, or all errors at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.h"
#include "conf/settings.h"

namespace postern::conf {

struct Loaded {
  std::optional<Settings> settings;     // none where there is an error
  std::vector<Diagnostic> diagnostics;  // errors and warnings, in the order of the file
};

// Parses and checks `text`; `file` is for messages and for relative paths. Never throws; reads no
// other file. Thread-safe.
Loaded load_text(std::string_view text, const std::string& file);

// Reads the file and does the same; one that cannot be read is an error without a place.
Loaded load_file(const std::string& path);

}  // namespace postern::conf
