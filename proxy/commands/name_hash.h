// The key with which the audit hashes user names.
#pragma once

#include <string>
#include <variant>

#include "conf/settings.h"
#include "tls/keyed_hash.h"

namespace postern::commands {

// The key lies beside the inventory, as name-hash.key, and lasts as long as what was hashed with it.
// Without an inventory, or where the default one's folder is of no use, it is one of this process,
// with a warning where all names are hashed. The error, for a folder that the settings name, has its
// place in them. After privileges were dropped: the file is made as that user. May block.
std::variant<tls::KeyedHash, std::string> make_name_hash(const conf::Settings& settings);

}  // namespace postern::commands
