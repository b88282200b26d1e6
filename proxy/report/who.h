// Who still logs in in clear text: the users, their networks, devices and programs.
#pragma once

#include <cstddef>

#include "proxy/report/reader.h"

namespace postern::report {

// Each has at most `most` rows, the most frequent first. A login counts where the backend took it,
// or where postern refused it; what only failed is somebody's guess, and is counted in a note.
Section cleartext_users(Reader& reader, std::size_t most);
// Users who log in in clear and under TLS, with the device that does it in clear: the forgotten one.
Section users_of_both(Reader& reader, std::size_t most);
Section cleartext_networks(Reader& reader, std::size_t most);
Section cleartext_devices(Reader& reader, std::size_t most);
Section programs(Reader& reader, std::size_t most);

}  // namespace postern::report
