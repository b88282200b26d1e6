// The policy, a row a rule.
#include "proxy/policy/policy.h"

#include <catch2/catch.hpp>

using namespace postern;
using conf::CleartextLogin;
using policy::Security;
using policy::Verdict;

TEST_CASE("cleartext_login decides about logins without TLS, and about no others") {
  struct Row {
    CleartextLogin setting;
    Security security;
    Verdict verdict;
  };
  for (const auto& row : {Row{CleartextLogin::observe, Security::cleartext, Verdict::allow},
                          Row{CleartextLogin::warn, Security::cleartext, Verdict::warn},
                          Row{CleartextLogin::refuse, Security::cleartext, Verdict::refuse},
                          Row{CleartextLogin::refuse, Security::starttls, Verdict::allow},
                          Row{CleartextLogin::refuse, Security::implicit, Verdict::allow},
                          Row{CleartextLogin::warn, Security::starttls, Verdict::allow}}) {
    conf::Settings settings;
    settings.listeners.emplace_back().logins.cleartext_login = row.setting;
    const auto decision = policy::judge_login(
        settings, {.security = row.security, .name = policy::Name::known, .user = "u"});
    REQUIRE(decision.verdict == row.verdict);
    REQUIRE((decision.reason == policy::Reason::cleartext) == (row.verdict == Verdict::refuse));
    REQUIRE(decision.rule == "listener");
  }
}
