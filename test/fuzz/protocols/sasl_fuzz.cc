// Fuzzes SaslExchange. Input: the mechanism's name on the first line, then one base64 response a
// line. What must hold, whatever comes:
// - the mechanism is upper case, printable, of 1 to 32 characters, and known from the start, as is
//   whether the secret is sent;
// - user and authorization are valid UTF-8 of at most 255 octets;
// - a user once known never changes, and no name comes where name_follows() said that none will;
// - of LOGIN only the first response teaches anything;
// - the authorization differs from the user, or is empty.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocols/ntlm.h"
#include "protocols/sasl.h"
#include "protocols/user_name.h"

using namespace postern::protocols;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Login& login) {
  require(!login.mechanism.empty() && login.mechanism.size() <= 32);
  for (const char c : login.mechanism) {
    require(c > 0x20 && c < 0x7f && !(c >= 'a' && c <= 'z'));
  }
  for (const auto& name : {login.user, login.authorization}) {
    require(name.size() <= 255);
    require(utf8_or_latin1(name) == name);
  }
  require(login.authorization.empty() || login.authorization != login.user);
}

std::string_view take_line(std::string_view& input) {
  const auto end = input.find('\n');
  const auto line = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  SaslExchange exchange(take_line(input));
  check(exchange.login());
  const auto mechanism = exchange.login().mechanism;
  const bool sends_secret = exchange.login().sends_secret;
  for (int responses = 0; !input.empty(); ++responses) {
    const auto before = exchange.login();
    const bool may_come = exchange.name_follows();
    const bool to_be_judged = exchange.response(take_line(input));
    const auto& after = exchange.login();
    check(after);
    require(to_be_judged == (after != before || may_come != exchange.name_follows()));
    require(may_come || !exchange.name_follows());
    require(after.user.empty() || !exchange.name_follows());
    require(after.mechanism == mechanism && after.sends_secret == sends_secret);
    require(before.user.empty() || after.user == before.user);
    require(may_come || after.user == before.user || mechanism == "GSS-SPNEGO");
    if (mechanism == "AUTH-LOGIN" && responses > 0) require(after == before);
  }
  return 0;
}
