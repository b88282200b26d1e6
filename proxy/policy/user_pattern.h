// User names and the patterns of rules.
#pragma once

#include <string_view>

namespace postern::policy {

// The part of DOMAIN\user, DOMAIN/user/alias or user@domain that names the user; of anything else
// the whole.
std::string_view bare_name(std::string_view user);

// Whether `user`, as typed, is meant by `pattern`: `*` stands for any characters, `?` for one, case
// of ASCII letters does not count. A pattern without `@`, `\` and `/` is also held against the bare
// name. Takes at most |pattern| x |user| steps.
bool matches_user(std::string_view pattern, std::string_view user);

}  // namespace postern::policy
