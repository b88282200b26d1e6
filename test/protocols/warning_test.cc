// Who logs in in clear where that is only warned of is told so, and only if the login succeeds.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/protocols/conversation.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

constexpr Conditions kInClear{.transport = Transport::cleartext};

const Options& options() {
  static const Options kOptions = [] {
    Options made;
    made.refusal_text = "It ends in May.";
    made.help_url = "https://help.example";
    return made;
  }();
  return kOptions;
}

const std::string kEnd = " in your mail program. It ends in May. See https://help.example\\r\\n";
const std::string kSecret =
    "Your password came without encryption, which will be refused soon: turn on SSL/TLS or "
    "STARTTLS" +
    kEnd;
const std::string kLogin =
    "Your login came without encryption, which will be refused soon: turn on SSL/TLS or STARTTLS" +
    kEnd;
const std::string kAlert =
    "* OK [ALERT] Your password came without encryption, which will be refused soon: switch TLS "
    "on" +
    kEnd;

std::string play(Protocol protocol, const std::vector<Action>& actions,
                 const Policy& policy = always(Verdict::warn),
                 const Conditions& conditions = kInClear) {
  return converse(protocol, conditions, actions, policy, options());
}

}  // namespace

TEST_CASE("IMAP's warning is an alert directly before the login's OK, in one write") {
  for (const std::string login : {"a LOGIN joe pw\r\n", "a AUTHENTICATE PLAIN AGpvZQBwdw==\r\n"}) {
    const auto text =
        play(Protocol::imap, {backend("* OK ready\r\n"), client(login),
                              backend("* CAPABILITY IMAP4rev1\r\na OK [CAPABILITY IDLE] in\r\n")});
    REQUIRE(text.find("IMAP4rev1\\r\\n" + kAlert + "a OK [CAPABILITY IDLE] in\\r\\n\nanswered") !=
            std::string::npos);
  }
  Steps steps;
  const auto dialogue = make_dialogue(Protocol::imap, options(), kInClear);
  dialogue->feed(Side::backend, "* OK ready\r\n", steps);
  dialogue->feed(Side::client, "a LOGIN joe pw\r\n", steps);
  dialogue->decide(Verdict::warn, steps);
  steps.clear();
  dialogue->feed(Side::backend, "a OK in\r\n", steps);
  const auto& said = std::get<Send>(steps[0]).bytes;
  REQUIRE(said.starts_with("* OK [ALERT] "));
  REQUIRE(said.ends_with("\r\na OK in\r\n"));
}

TEST_CASE("SMTP's warning stands in the last line of the success reply") {
  const auto answer = [&](const std::string& start, const std::string& reply) {
    const auto text =
        play(Protocol::smtp, {backend("220 ready\r\n"), client(start), backend(reply)});
    return lines_of(text, "C: ").back();
  };
  REQUIRE(answer("AUTH PLAIN AGpvZQBwdw==\r\n", "235 2.7.0 in\r\n") == "235 2.7.0 in. " + kSecret);
  REQUIRE(answer("AUTH PLAIN AGpvZQBwdw==\r\n", "235-2.7.0 one\r\n235 2.7.0 two\r\n") ==
          "235-2.7.0 one\\r\\n235 2.7.0 two. " + kSecret);
  REQUIRE(answer("AUTH GSSAPI YIIabcde\r\n", "235 in\r\n") == "235 in. " + kLogin);
  REQUIRE(answer("AUTH PLAIN AGpvZQBwdw==\r\n", "535 5.7.8 no\r\n") == "535 5.7.8 no\\r\\n");
}

TEST_CASE("POP3's warning stands in the success reply to PASS, APOP and AUTH, not in USER's") {
  const auto said = [&](std::vector<Action> actions) {
    actions.insert(actions.begin(), backend("+OK ready\r\n"));
    return lines_of(play(Protocol::pop3, actions), "C: ");
  };
  REQUIRE(said({client("USER joe\r\n"), backend("+OK\r\n"), client("PASS pw\r\n"),
                backend("+OK Logged in.\r\n")}) ==
          std::vector<std::string>{"+OK ready\\r\\n", "+OK\\r\\n", "+OK Logged in. " + kSecret});
  REQUIRE(said({client("APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n"), backend("+OK\r\n")}) ==
          std::vector<std::string>{"+OK ready\\r\\n", "+OK " + kLogin});
  REQUIRE(said({client("AUTH PLAIN AGpvZQBwdw==\r\n"), backend("+OK [X] in\r\n")}) ==
          std::vector<std::string>{"+OK ready\\r\\n", "+OK [X] in. " + kSecret});
}

TEST_CASE("nobody is warned whose login fails, who uses TLS, or who is allowed in the end") {
  const Policy warns_unnamed = [](const Login& login) {
    return login.user.empty() ? Verdict::warn : Verdict::allow;
  };
  for (const auto& framing : kFramings) {
    INFO(name_of(framing.protocol));
    const auto start = client(framing.auth + "PLAIN AGpvZQBwdw==\r\n");
    const auto warned = [](const std::string& text) {
      return text.find("help.example") != std::string::npos;
    };
    REQUIRE(warned(
        play(framing.protocol, {backend(framing.greeting), start, backend(framing.success)})));
    REQUIRE_FALSE(warned(
        play(framing.protocol, {backend(framing.greeting), start, backend(framing.failure)})));
    REQUIRE_FALSE(
        warned(play(framing.protocol, {backend(framing.greeting), start, backend(framing.success)},
                    always(Verdict::warn), Conditions{})));
    const std::vector<Action> in_steps = {
        backend(framing.greeting), client(framing.auth + "PLAIN\r\n"), backend(framing.challenge),
        client("AGpvZQBwdw==\r\n"), backend(framing.success)};
    REQUIRE(warned(play(framing.protocol, in_steps)));
    REQUIRE_FALSE(warned(play(framing.protocol, in_steps, warns_unnamed)));
  }
}

TEST_CASE("with no backend to be had the client gets the words alone: at once, or when it asks") {
  const auto refused = [](Protocol protocol, BackendGreeting greeting, std::string_view sent) {
    Conditions conditions;
    conditions.greeting = greeting;
    const auto dialogue = make_dialogue(protocol, options(), conditions);
    std::string text;
    const auto take = [&](Steps& steps) {
      for (const auto& step : steps) {
        if (const auto* send = std::get_if<Send>(&step)) {
          REQUIRE(send->to == Side::client);
          text += send->bytes;
        } else {
          REQUIRE(std::get<End>(step).cause == Cause::farewell);
          text += "end";
        }
      }
      steps.clear();
    };
    Steps steps;
    dialogue->refuse_service(Farewell::old_tls_1_0, steps);
    take(steps);
    if (text.ends_with("end")) return text;
    REQUIRE(text.empty());
    REQUIRE(dialogue->wants(Side::client));
    for (const char& octet : sent) {
      dialogue->feed(Side::client, std::string_view(&octet, 1), steps);
      take(steps);
      if (text.ends_with("end")) return text + std::to_string(&octet - sent.data());
    }
    dialogue->ended(Side::client, Ending::closed, steps);
    take(steps);
    return text;
  };
  for (const auto protocol : {Protocol::smtp, Protocol::imap, Protocol::pop3}) {
    const auto words = farewell_line(protocol, Farewell::old_tls_1_0, options()) + "end";
    REQUIRE(refused(protocol, BackendGreeting::pass, "") == words);
    const bool waits = protocol != Protocol::imap;
    REQUIRE(refused(protocol, BackendGreeting::swallow, "EHLO c\r\nAUTH PLAIN x\r\n") ==
            (waits ? words + "7" : words));
    if (waits) REQUIRE(refused(protocol, BackendGreeting::swallow, "EHLO") == "end");
    // A line that is too long is a command, too.
    const std::string endless(options().line_length + 1, 'a');
    if (waits) REQUIRE(refused(protocol, BackendGreeting::swallow, endless).starts_with(words));
  }
}
