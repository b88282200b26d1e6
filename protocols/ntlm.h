// The user name in NTLM and SPNEGO tokens, and nothing else of them (MS-NLMP 2.2.1.3, RFC 4178).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::protocols {

// UTF-8 as it is; anything else is taken for Latin-1 and becomes UTF-8.
std::string utf8_or_latin1(std::string_view text);
// Latin-1 becomes UTF-8.
std::string latin1_to_utf8(std::string_view text);

// Who logs in, from an NTLM type 3 message (AUTHENTICATE), as UTF-8: DOMAIN\user, or the user alone
// where the domain is empty; "" for an anonymous login. None: not a type 3, or malformed in its
// header or in a name's place. Reads the names and their places only, never a response or a key.
std::optional<std::string> ntlm_name(std::string_view message);

// The inner token of a SPNEGO NegTokenResp (RFC 4178 section 4.2.2), as a part of `token`. None:
// another token, or malformed.
std::optional<std::string_view> spnego_response_token(std::string_view token);

}  // namespace postern::protocols
