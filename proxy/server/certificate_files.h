// Where the settings say that a certificate, its key and what belongs to them lie, and who may read
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "tls/credentials.h"
#include "tls/error.h"

namespace postern::server {

// The user that a process of root becomes, whose files are as good as root's then; none where the
// process is not root, or there is no such user.
std::optional<unsigned> user_to_become(const conf::Settings& settings);

// The files of one certificate, with the rule for the secret ones; nothing is opened. Error: there is
// no such credential of systemd (CREDENTIALS_DIRECTORY is not in the environment).
tls::Result<tls::CredentialFiles> files_of(const conf::Certificate& certificate,
                                           std::optional<unsigned> owner);

// Opens what a reload will read, as the user that the process now is: a warning with
// "file:line:column: " for each that it may not. For once privileges are dropped. Blocking.
std::vector<std::string> unreadable_files(const conf::Settings& settings);

}  // namespace postern::server
