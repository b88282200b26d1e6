// Edits what a POP3 backend says of itself: its CAPA list (RFC 2449), its AUTH list, its greeting.
// Pure text in, text out; all that is not named here stays byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

// What the client is to see of postern's own offer.
struct Pop3Offer {
  Upgrade stls = Upgrade::not_offered;
  CleartextLogins logins = CleartextLogins::offered;  // `offered` under TLS too
};

// Takes a whole +OK reply to CAPA, from its status line to its dot. STLS goes, and stands once (in
// the backend's place, else last) where it is offered; XCLIENT and XOIP go; mechanisms that cannot
// work through postern go from SASL, and the line with them if none is left. Where logins are not
// offered, USER, SASL and APOP go.
std::string edit_pop3_capa(std::string_view reply, Pop3Offer offer);

// Takes a whole +OK reply to a bare AUTH: one mechanism a line. The same mechanisms go.
std::string edit_pop3_auth_list(std::string_view reply);

// Takes a greeting line and cuts APOP's timestamp (RFC 1939 section 7), wherever it stands.
std::string without_apop_timestamp(std::string_view greeting);

}  // namespace postern::protocols
