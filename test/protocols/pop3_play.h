// What the tests of POP3's dialogue share: conditions by name, a way to play one, and texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/pop3_dialogue.h"
#include "test/support/cutter.h"

namespace postern::test {

using Actions = std::vector<Action>;

inline const protocols::Options kPop3Options = [] {
  protocols::Options options;
  options.line_length = 1000;
  return options;
}();

inline constexpr protocols::Conditions kTls{};
inline constexpr protocols::Conditions kAfterStls{.greeting = protocols::BackendGreeting::swallow};
// tls: none; tls: optional with logins in clear; tls: optional without.
inline constexpr protocols::Conditions kNone{.transport = protocols::Transport::cleartext};
inline constexpr protocols::Conditions kObserve{.transport = protocols::Transport::cleartext,
                                                .upgrade = protocols::Upgrade::offered};
inline constexpr protocols::Conditions kRefuse{
    .transport = protocols::Transport::cleartext,
    .upgrade = protocols::Upgrade::offered,
    .cleartext_logins = protocols::CleartextLogins::not_offered};

inline std::string play_whole(const protocols::Conditions& conditions, const Actions& actions,
                              const Policy& policy = always(protocols::Verdict::allow),
                              const protocols::Options& options = kPop3Options) {
  return run([&] { return std::make_unique<protocols::Pop3Dialogue>(options, conditions); },
             actions, policy);
}

// The same without the line on the order of commands, which most tests are not about.
inline std::string play(const protocols::Conditions& conditions, const Actions& actions,
                        const Policy& policy = always(protocols::Verdict::allow),
                        const protocols::Options& options = kPop3Options) {
  auto text = play_whole(conditions, actions, policy, options);
  const auto at = text.find("named commands ");
  if (at != std::string::npos) text.erase(at, text.find('\n', at) + 1 - at);
  return text;
}

// As play(), behind a greeting that is left out of the result.
inline std::string greeted(const protocols::Conditions& conditions, Actions actions,
                           const Policy& policy = always(protocols::Verdict::allow),
                           const protocols::Options& options = kPop3Options) {
  actions.insert(actions.begin(), backend("+OK hello\r\n"));
  const std::string greeting = "C: +OK hello\\r\\n";
  auto text = play(conditions, actions, policy, options);
  if (!text.starts_with(greeting)) return "no greeting: " + text;
  text.erase(0, greeting.size());
  return text.starts_with('\n') ? text.substr(1) : "C: " + text;
}

inline Policy refuses_user(const std::string& user) {
  return [user](const protocols::Login& login) {
    return login.user == user ? protocols::Verdict::refuse : protocols::Verdict::allow;
  };
}

inline const std::string kNeedsTls =
    "-ERR [AUTH] Logins need encryption here: "
    "turn on SSL/TLS or STARTTLS in your mail program\\r\\n";
inline const std::string kRefused = "-ERR [AUTH] This login is not permitted here\\r\\n";
inline const std::string kLost =
    "C: -ERR [SYS/TEMP] The mail server closed the connection, try again later\\r\\n\n";
inline const std::string kUnreadable =
    "C: -ERR [SYS/TEMP] The mail server's answer made no sense, try again later\\r\\n\n";

}  // namespace postern::test
