// One login judged, with all that there is to say about it: what `postern explain` prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"
#include "proxy/commands/explain.h"
#include "proxy/policy/policy.h"

namespace postern::commands {

struct Explanation {
  policy::Admission admission;
  policy::Decision decision;
  policy::Path path;
  std::string_view key;  // that gave the verdict: "tls", "cleartext_login" …; "" for none
  std::string told;      // to the client, without its newline; "" for nothing
  std::string acts;      // at which moment
  std::vector<std::string> notes;  // why such a login may not come at all
};

// Views in it live as long as `settings`.
Explanation explanation_of(const conf::Settings& settings, const LoginCase& login);

// "passed over: for other addresses" and so on: why a rule did not match, or that it did.
std::string_view reason_of(policy::Match match);
// As JSON has it: "matched", "expired" …; constant.
std::string_view name_of(policy::Match match);

}  // namespace postern::commands
