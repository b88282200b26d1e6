// Edits IMAP capability lists: takes away what cannot work through postern, adds what it offers.
#pragma once

#include <string>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

// What a list is about to be used for.
enum class ListMoment {
  before_login,
  login_answer,  // in the tagged OK of a login: nothing is added, since nothing can be upgraded now
};

// Edits `list`: words divided by spaces, as they stand behind CAPABILITY (RFC 9051 section 7.2.2),
// the space before the first one included. Order, case and spacing of what stays are kept.
//   always gone    STARTTLS of the backend, LOGIN-REFERRALS and MAILBOX-REFERRALS (RFC 2221, 2193),
//                  AUTH=…-PLUS (channel binding), AUTH=EXTERNAL, UNAUTHENTICATE (RFC 8437)
//   under TLS      LOGINDISABLED goes
//   in clear       STARTTLS stays or is added where the upgrade is offered; where logins are not,
//                  each AUTH= goes and LOGINDISABLED is added
std::string edit_capabilities(std::string_view list, const Conditions& conditions,
                              ListMoment moment);

}  // namespace postern::protocols
