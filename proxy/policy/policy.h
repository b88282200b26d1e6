// The policy: a pure function from values to a verdict. Whoever asks, gets the same answer.
#pragma once

#include <string>
#include <string_view>

#include "conf/settings.h"

namespace postern::policy {

// How the client's bytes come.
enum class Security { cleartext, starttls, implicit };

enum class Verdict { allow, warn, refuse };

// Why it refuses.
enum class Reason { none, cleartext };

// What is asked.
struct Question {
  Security security = Security::cleartext;
  std::string_view user;  // "" while unknown
};

struct Decision {
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::none;
  std::string rule = "listener";  // the rule that gave it; `listener` where none matched
};

// May this client log in on this listener?
Decision judge_login(const conf::Listener& listener, const Question& question);

}  // namespace postern::policy
