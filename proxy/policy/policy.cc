// See policy.h.
#include "proxy/policy/policy.h"

namespace postern::policy {

Decision judge_login(const conf::Listener& listener, const Question& question) {
  if (question.security != Security::cleartext) return {};
  switch (listener.cleartext_login) {
    case conf::CleartextLogin::observe:
      return {};
    case conf::CleartextLogin::warn:
      return {.verdict = Verdict::warn};
    case conf::CleartextLogin::refuse:
      return {.verdict = Verdict::refuse, .reason = Reason::cleartext};
  }
  __builtin_unreachable();
}

}  // namespace postern::policy
