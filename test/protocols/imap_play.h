// What the IMAP dialogue's tests share: conditions by name, and a way to play one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/imap_dialogue.h"
#include "test/support/cutter.h"

namespace postern::test {

inline const protocols::Options kImapOptions = [] {
  protocols::Options options;
  options.hostname = "mail.example.com";
  options.line_length = 512;
  return options;
}();

inline constexpr protocols::Conditions kTls{};
inline constexpr protocols::Conditions kSwallow{.greeting = protocols::BackendGreeting::swallow};
// `optional` with cleartext_login: refuse, and with observe or warn; `none`.
inline constexpr protocols::Conditions kClearRefused{
    .transport = protocols::Transport::cleartext,
    .upgrade = protocols::Upgrade::offered,
    .cleartext_logins = protocols::CleartextLogins::not_offered};
inline constexpr protocols::Conditions kClearAllowed{.transport = protocols::Transport::cleartext,
                                                     .upgrade = protocols::Upgrade::offered};
inline constexpr protocols::Conditions kNoTls{.transport = protocols::Transport::cleartext};

inline std::string play(const protocols::Conditions& conditions, const std::vector<Action>& actions,
                        const Policy& policy = always(protocols::Verdict::allow)) {
  return run([&] { return std::make_unique<protocols::ImapDialogue>(kImapOptions, conditions); },
             actions, policy);
}

// The same behind a greeting, whose own bytes are left out of the result.
inline std::string play_greeted(const protocols::Conditions& conditions,
                                std::vector<Action> actions,
                                const Policy& policy = always(protocols::Verdict::allow)) {
  actions.insert(actions.begin(), backend("* OK ready\r\n"));
  auto text = play(conditions, actions, policy);
  if (conditions.greeting == protocols::BackendGreeting::swallow) return text;
  const std::string greeting = "C: * OK ready\\r\\n";
  if (!text.starts_with(greeting)) return "no greeting: " + text;
  text.erase(0, greeting.size());
  // Where more was sent to the client directly behind it, its step goes on.
  return text.starts_with("\n") ? text.substr(1) : "C: " + text;
}

}  // namespace postern::test
