// What the tests of the settings file have in common: a file that is good, and the text of all that
// is wrong with another.
#pragma once

#include <string>
#include <string_view>

#include "conf/load.h"

namespace postern::conf {

// The rest of a file that is good but for what a test puts before it.
inline constexpr std::string_view kRest =
    "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n"
    "listeners: [{name: mx, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex}]\n";

// All diagnostics of `text`, as a user reads them; the file is p.yaml.
inline std::string faults(std::string_view text) {
  return text_of(load_text(text, "p.yaml").diagnostics);
}

inline std::string faults_before_rest(std::string_view text) {
  return faults(std::string(text) + std::string(kRest));
}

}  // namespace postern::conf
