// User names and the patterns of rules.
//
// Names are compared as typed: in UTF-8, composed and decomposed letters (RFC 5198 3) being two
// things, and without a look at case in ASCII alone. Whatever else a directory takes for the same
// account (accents, widths, aliases) is another name here; so a list of who may is safe, and a list
// of who may not holds the spellings that it names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::policy {

// The part that names who logs in: `user` of DOMAIN\user, DOMAIN/user/mailbox (any of the two
// separators), user@domain and user@domain\mailbox; of anything else the whole.
std::string_view bare_name(std::string_view user);

// Whether `user`, as typed, is meant by `pattern`: `*` stands for any characters, `?` for one (of
// UTF-8; an octet that begins none counts as one), case of ASCII letters does not count, nor do
// blanks around a name, which some servers cut off. A pattern without `@`, `\` and `/` is held
// against the bare name alone: a domain may be the name of any machine. Takes at most
// |pattern| x |user| steps.
bool matches_user(std::string_view pattern, std::string_view user);

// Whether one of `patterns` means `user`. Of several words some servers take the first alone for the
// name: `possibly` where only one of the two readings is meant, unless a pattern without `*` and `?`
// is all of it.
enum class Meant { no, possibly, yes };
Meant is_one_of(const std::vector<std::string>& patterns, std::string_view user);

}  // namespace postern::policy
