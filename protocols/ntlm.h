// The user name in NTLM and SPNEGO tokens, and nothing else of them (MS-NLMP 2.2.1.3, RFC 4178).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::protocols {

// The letters of a client's names: UTF-16 or one octet each.
enum class NtlmLetters { unknown, unicode, oem };

// What a type 1 message (NEGOTIATE) offers: `unicode` where it does at all, since a server must take
// that then. None: not a type 1.
std::optional<NtlmLetters> ntlm_offer(std::string_view message);

// Who logs in, from an NTLM type 3 message (AUTHENTICATE), as UTF-8: DOMAIN\user, or the user alone
// where the domain is empty; "" for an anonymous login. None: not a type 3, or malformed in its
// header or in a name's place; or in other letters than were `offered`, since some servers read it
// by the one and some by the other. Reads the names and their places only, never a response or a
// key.
std::optional<std::string> ntlm_name(std::string_view message,
                                     NtlmLetters offered = NtlmLetters::unknown);

// The inner token of a SPNEGO NegTokenResp (RFC 4178 section 4.2.2), as a part of `token`. None:
// another token, or malformed.
std::optional<std::string_view> spnego_response_token(std::string_view token);

}  // namespace postern::protocols
