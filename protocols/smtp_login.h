// What SMTP's gate and dialogue have in common about who a client is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocols/steps.h"

namespace postern::protocols {

// Octets of an EHLO or HELO argument that are kept: a domain's longest form (RFC 5321 4.5.3.1.2).
inline constexpr std::size_t kMaxClientName = 255;

// Adds ClientNamed, where a name was given.
inline void add_client_name(std::string_view argument, Steps& out) {
  if (argument.empty()) return;
  out.add(ClientNamed{NamedBy::ehlo, std::string(argument.substr(0, kMaxClientName))});
}

// A SASL response as SaslExchange wants it: a lone `=` is an empty one (RFC 4954 4).
inline std::string_view sasl_text(std::string_view response) {
  return response == "=" ? std::string_view() : response;
}

}  // namespace postern::protocols
