// The user name in NTLM and SPNEGO tokens, and nothing else of them (MS-NLMP 2.2.1.3, RFC 4178).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::protocols {

// Who logs in, from an NTLM type 3 message (AUTHENTICATE), as UTF-8: DOMAIN\user, or the user alone
// where the domain is empty; "" for an anonymous login. None: not a type 3, or malformed in its
// header or in a name's place. Reads the names and their places only, never a response or a key.
std::optional<std::string> ntlm_name(std::string_view message);

// The inner token of a SPNEGO NegTokenResp (RFC 4178 section 4.2.2), as a part of `token`. None:
// another token, or malformed.
std::optional<std::string_view> spnego_response_token(std::string_view token);

}  // namespace postern::protocols
