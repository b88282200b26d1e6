// Logins whose secret is known to the harness, so that it can be looked for wherever it must not be.
#pragma once

#include <string>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::test {

inline constexpr std::string_view kMarkedUser = "hushjane";
inline constexpr std::string_view kMarkedSecret = "Qz7hushhush4";

// Whose login it is: that of kMarkedUser, or of somebody whose secret nobody looks for.
enum class Account { marked, other };

// The attempt to log in of this number, as a client sends it without waiting for anybody; there are
// some ten, counted around. The user can be read in each.
const std::string& login_attempt(protocols::Protocol protocol, Account account, unsigned number);

// Whether `text` holds the secret in any of its forms, or what could be taken for it.
bool holds_secret(std::string_view text);

// Whether a client that has sent this line, and only such lines before, stands where a command is
// expected: so that a marked login is one, and its secret a secret.
bool is_harmless_command(std::string_view line);

}  // namespace postern::test
