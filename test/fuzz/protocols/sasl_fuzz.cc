// Fuzzes SaslExchange. Input: the mechanism's name on the first line, then one base64 response a
// line. What must hold, whatever comes:
// - the mechanism is upper case, printable, of 1 to 32 characters, and known from the start, as is
//   whether the secret is sent;
// - user and authorization are valid UTF-8 of at most 255 octets;
// - a user once known never becomes another, at most none again, and then for good; no name comes
//   where it was said to be unreadable;
// - of LOGIN only the first response teaches a name;
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
    const bool did_hide = exchange.hides_name();
    const bool to_be_judged = exchange.response(take_line(input));
    const auto& after = exchange.login();
    check(after);
    require(to_be_judged == (after != before || may_come != exchange.name_follows() ||
                             did_hide != exchange.hides_name()));
    require(may_come || !exchange.name_follows());
    require(!exchange.name_follows() || !exchange.hides_name());
    require(after.user.empty() || !exchange.name_follows());
    require(after.mechanism == mechanism && after.sends_secret == sends_secret);
    require(before.user.empty() || after.user.empty() || after.user == before.user);
    require(may_come || did_hide || !before.user.empty() || after.user.empty());
    if (mechanism == "AUTH-LOGIN" && responses > 0) {
      require(after.user.empty() || after == before);
    }
  }
  return 0;
}
