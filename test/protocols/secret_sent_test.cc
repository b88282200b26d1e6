// A login that is held says whether its secret has come already: in clear it is exposed then,
// whatever the verdict.
#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "protocols/dialogue.h"

using namespace postern::protocols;

namespace {

// A dialogue under TLS with a backend that has greeted.
class Conversation {
 public:
  Conversation(Protocol protocol, std::string_view greeting)
      : dialogue_(make_dialogue(protocol, options_, {})) {
    say(Side::backend, greeting);
  }
  // What the login is held with that these bytes bring, if one is.
  std::optional<LoginTried> say(Side side, std::string_view bytes) {
    steps_.clear();
    dialogue_->feed(side, bytes, steps_);
    if (steps_.empty()) return std::nullopt;
    const auto* const tried = std::get_if<LoginTried>(&steps_[steps_.size() - 1]);
    return tried != nullptr ? std::optional(*tried) : std::nullopt;
  }
  void allow() {
    steps_.clear();
    dialogue_->decide(Verdict::allow, steps_);
  }

 private:
  Options options_;
  std::unique_ptr<Dialogue> dialogue_;
  Steps steps_;
};

}  // namespace

TEST_CASE("the secret has come with a password in the line, and not before it is asked for") {
  struct Row {
    Protocol protocol;
    const char* greeting;
    const char* line;
    bool secret_sent;
  };
  constexpr auto kImap = "* OK ready\r\n";
  constexpr auto kPop3 = "+OK ready\r\n";
  constexpr auto kSmtp = "220 ready\r\n";
  for (const auto& row : {
           Row{Protocol::imap, kImap, "a LOGIN joe secret\r\n", true},
           Row{Protocol::imap, kImap, "a LOGIN joe {6}\r\n", false},
           Row{Protocol::imap, kImap, "a LOGIN {3}\r\n", false},
           Row{Protocol::imap, kImap, "a AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\n", true},
           Row{Protocol::imap, kImap, "a AUTHENTICATE PLAIN\r\n", false},
           Row{Protocol::imap, kImap, "a AUTHENTICATE LOGIN am9l\r\n", false},
           Row{Protocol::pop3, kPop3, "USER joe\r\n", false},
           Row{Protocol::pop3, kPop3, "PASS secret\r\n", true},
           Row{Protocol::pop3, kPop3, "APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n", false},
           Row{Protocol::pop3, kPop3, "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", true},
           Row{Protocol::smtp, kSmtp, "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", true},
           Row{Protocol::smtp, kSmtp, "AUTH PLAIN =\r\n", false},
           Row{Protocol::smtp, kSmtp, "AUTH LOGIN am9l\r\n", false},
           Row{Protocol::smtp, kSmtp, "AUTH NTLM\r\n", false},
       }) {
    INFO(row.line);
    Conversation conversation(row.protocol, row.greeting);
    const auto tried = conversation.say(Side::client, row.line);
    REQUIRE(tried);
    REQUIRE(tried->secret_sent == row.secret_sent);
  }
}

TEST_CASE("a response that brings name and secret together says so before it is passed on") {
  Conversation conversation(Protocol::smtp, "220 ready\r\n");
  REQUIRE_FALSE(conversation.say(Side::client, "AUTH PLAIN\r\n")->secret_sent);
  conversation.allow();
  conversation.say(Side::backend, "334 \r\n");
  const auto tried = conversation.say(Side::client, "AGpvZQBzZWNyZXQ=\r\n");
  REQUIRE(tried);
  REQUIRE(tried->login.user == "joe");
  REQUIRE(tried->secret_sent);
}
