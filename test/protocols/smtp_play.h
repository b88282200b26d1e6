// What the tests of SMTP's dialogue share: options as a listener has them, and conditions by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/smtp_dialogue.h"
#include "test/support/cutter.h"

namespace postern::test {

// The verbs that the settings hide where they say nothing else.
inline protocols::Options smtp_options() {
  protocols::Options options;
  options.hostname = "mail.example";
  options.line_length = 1000;
  options.hidden_verbs = {"VRFY",     "EXPN",           "TURN",    "ETRN",
                          "X-EXPS",   "X-ANONYMOUSTLS", "XEXCH50", "X-LINK2STATE",
                          "XCLIENT",  "XFORWARD",       "XPROXY",  "XPROXYFROM",
                          "XPROXYTO", "XSESSIONPARAMS", "XSHADOW", "XSHADOWREQUEST"};
  return options;
}

// Under TLS, the backend's greeting shown: the implicit port.
inline protocols::Conditions under_tls() { return {}; }

// Under TLS after STARTTLS.
inline protocols::Conditions after_starttls() {
  return {protocols::Transport::tls, protocols::Upgrade::not_offered,
          protocols::CleartextLogins::offered, protocols::BackendGreeting::swallow};
}

// In clear, STARTTLS offered.
inline protocols::Conditions optional_tls(protocols::CleartextLogins logins) {
  return {protocols::Transport::cleartext, protocols::Upgrade::offered, logins,
          protocols::BackendGreeting::pass};
}

// In clear, and no way out of it.
inline protocols::Conditions without_tls() {
  return {protocols::Transport::cleartext, protocols::Upgrade::not_offered,
          protocols::CleartextLogins::offered, protocols::BackendGreeting::pass};
}

inline std::string play_smtp(const protocols::Options& options,
                             const protocols::Conditions& conditions,
                             const std::vector<Action>& actions,
                             const Policy& policy = always(protocols::Verdict::allow)) {
  return run([&] { return std::make_unique<protocols::SmtpDialogue>(options, conditions); },
             actions, policy);
}

// Plays what comes behind a plain greeting, which is left out of the text, under TLS if not said
// otherwise.
inline std::string play_greeted(std::vector<Action> actions,
                                const Policy& policy = always(protocols::Verdict::allow),
                                const protocols::Conditions& conditions = after_starttls(),
                                const protocols::Options& options = smtp_options()) {
  auto quiet = conditions;
  quiet.greeting = protocols::BackendGreeting::swallow;
  actions.insert(actions.begin(), backend("220 b.example ESMTP\r\n"));
  return play_smtp(options, quiet, actions, policy);
}

// An EHLO exchange after which BDAT is offered.
inline std::vector<Action> with_chunking(std::vector<Action> actions) {
  actions.insert(actions.begin(), backend("250-b.example\r\n250 CHUNKING\r\n"));
  actions.insert(actions.begin(), client("EHLO c\r\n"));
  return actions;
}
inline const std::string kWithChunking =
    "named ehlo c\nB: EHLO c\\r\\n\nC: 250-b.example\\r\\n250 CHUNKING\\r\\n\n";

}  // namespace postern::test
