// User names and the patterns of rules.
#pragma once

#include <string_view>

namespace postern::policy {

// The part that names who logs in: `user` of DOMAIN\user, DOMAIN/user/mailbox (any of the two
// separators), user@domain and user@domain\mailbox; of anything else the whole.
std::string_view bare_name(std::string_view user);

// Whether `user`, as typed, is meant by `pattern`: `*` stands for any characters, `?` for one, case
// of ASCII letters does not count. A pattern without `@`, `\` and `/` is held against the bare name
// alone: a domain may be the name of any machine. Takes at most |pattern| x |user| steps.
bool matches_user(std::string_view pattern, std::string_view user);

}  // namespace postern::policy
