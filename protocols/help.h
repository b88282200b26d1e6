// The words for people behind postern's own: the administrator's text, and where to find help.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

// Octets of a reply line, its CRLF included (RFC 5321 4.5.3.1.5, RFC 2449 4).
inline constexpr std::size_t kMaxReplyOctets = 512;
// Octets of a host name in a reply (RFC 1035 3.1).
inline constexpr std::size_t kMaxHostOctets = 255;

// `line`, a reply with or without its CRLF, and behind it Options::refusal_text and help_url, as
// sentences: "535 No. TEXT. See URL". With CRLF, at most `most` octets: what does not fit is left
// out, the text before the address.
std::string with_help(std::string_view line, const Options& options,
                      std::size_t most = kMaxReplyOctets);

// The reply to a login in clear that succeeded, and behind the backend's words, as above, that this
// will stop, and help. What of the backend's words does not fit is cut, but never their first `code`
// octets, the reply's code.
std::string with_warning(std::string_view line, std::size_t code, const Login& login,
                         const Options& options);

// `text` with {host} replaced by the listener's name.
std::string with_host(std::string_view text, const Options& options);

}  // namespace postern::protocols
