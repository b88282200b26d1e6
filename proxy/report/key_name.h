// The name of a key of the settings, from its place in the file.
#pragma once

#include <string>

#include "conf/settings.h"

namespace postern::report {

// "rules[hall-scanners].tls", "listeners[imap].refuse_from", "tls.min_version"; "" where nothing that
// a verdict rests on stands there.
std::string key_at(const conf::Settings& settings, const conf::Place& place);

}  // namespace postern::report
