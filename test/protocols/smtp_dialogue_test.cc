// SMTP between client and backend: greeting, pipelining, own replies, ends. Logins and messages
// have files of their own.
#include "protocols/smtp_dialogue.h"

#include <catch2/catch.hpp>
#include <string>

#include "protocols/smtp_farewell.h"
#include "protocols/smtp_gate.h"
#include "test/protocols/smtp_play.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

const std::string kNotImplemented = "502 5.5.1 Command not implemented\\r\\n";

std::string play(const Conditions& conditions, const std::vector<Action>& actions) {
  return play_smtp(smtp_options(), conditions, actions);
}

}  // namespace

TEST_CASE("the backend's greeting passes, several lines too, and nothing goes to it before") {
  REQUIRE(play(under_tls(), {client("EHLO early\r\n"), backend("220-b.example"),
                             backend(" ESMTP\r\n220-* no spam\r\n22"), backend("0 *\r\n")}) ==
          "C: 220-b.example ESMTP\\r\\n220-* no spam\\r\\n220 *\\r\\n\n"
          "named ehlo early\nB: EHLO early\\r\\n\n");
}

TEST_CASE("after STARTTLS the greeting is swallowed and the client's bytes wait for it") {
  REQUIRE(play(after_starttls(),
               {client("EHLO c\r\n"), backend("220-one\r\n220 two\r\n"), backend("250 b\r\n")}) ==
          "named ehlo c\nB: EHLO c\\r\\n\nC: 250 b\\r\\n\n");
}

TEST_CASE("a greeting that refuses passes as it is and ends the session") {
  for (const std::string line :
       {"554 5.7.1 no service here", "421 4.3.2 too busy", "520 Connection not authorised"}) {
    REQUIRE(play(under_tls(), {client("EHLO c\r\n"), backend(line + "\r\n")}) ==
            "C: " + line + "\\r\\n\nend backend_refused\n");
  }
  REQUIRE(play(under_tls(), {backend("554-go\r\n554 away\r\n")}) ==
          "C: 554-go\\r\\n554 away\\r\\n\nend backend_refused\n");
}

TEST_CASE("after STARTTLS a greeting that refuses is the answer to the next command") {
  REQUIRE(play(after_starttls(),
               {backend("554-go\r\n554 away\r\n"), client("EH"), client("LO c\r\nNOOP\r\n")}) ==
          "C: 554-go\\r\\n554 away\\r\\n\nend backend_refused\n");
  REQUIRE(play(after_starttls(), {client("EHLO c\r\n"), backend("421 busy\r\n")}) ==
          "C: 421 busy\\r\\n\nend backend_refused\n");
  REQUIRE(play(after_starttls(), {backend("421 busy\r\n"), ended(Side::backend)}) == "");
  REQUIRE(play(after_starttls(), {backend("421 busy\r\n"), ended(Side::client)}) ==
          "end backend_refused\n");
}

TEST_CASE("a backend that cannot be had gives a 421, at once or to the next command") {
  const std::string words = "C: 421 4.3.2 Mail server is not available, try again later\\r\\n\n";
  const std::vector<std::pair<Ending, std::string>> endings = {
      {Ending::closed, "end backend_closed\n"},
      {Ending::unreachable, "end backend_unreachable\n"},
      {Ending::refused, "end backend_refused\n"},
      {Ending::timed_out, "end backend_timeout\n"}};
  for (const auto& [how, end] : endings) {
    REQUIRE(play(under_tls(), {ended(Side::backend, how)}) == words + end);
    REQUIRE(play(under_tls(), {client("EHLO c\r\n"), ended(Side::backend, how)}) == words + end);
    REQUIRE(play(after_starttls(), {ended(Side::backend, how)}) == "");
    REQUIRE(play(after_starttls(), {ended(Side::backend, how), client("EHLO c\r\n")}) ==
            words + end);
    REQUIRE(play(after_starttls(), {client("EHLO c\r\n"), ended(Side::backend, how)}) ==
            words + end);
    REQUIRE(play(after_starttls(), {ended(Side::backend, how), ended(Side::client)}) == end);
  }
  // In the midst of a greeting there are no words.
  REQUIRE(play(under_tls(), {backend("220-b\r\n220"), ended(Side::backend)}) ==
          "C: 220-b\\r\\n\nend backend_closed\n");
}

TEST_CASE("a greeting that is none is no reply to pass on") {
  const std::string words =
      "C: 421 4.3.0 Mail server gave no valid reply, closing connection\\r\\n\n"
      "end backend_protocol\n";
  for (const std::string line : {"* OK IMAP4 ready", "+OK POP3", "SSH-2.0-x", "22", "220_b", "",
                                 "354 go ahead", "199 x", "620 x"}) {
    INFO(line);
    REQUIRE(play(under_tls(), {backend(line + "\r\n")}) == words);
    REQUIRE(play(after_starttls(), {backend(line + "\r\n"), client("QUIT\r\n")}) == words);
  }
}

TEST_CASE("pipelined commands and their replies pass in order and unchanged") {
  REQUIRE(play_greeted({client("MAIL FROM:<a@example.com> SIZE=5 AUTH=<>\r\nRCPT TO:<b>\r\n"
                               "rcpt to:<c>\r\nRSET\r\nNOOP\r\n"),
                        backend("250 2.1.0 Sender OK\r\n250-2.1.5\r\n250 2.1.5 ok\r\n550 no\r\n"),
                        backend("250 reset\r\n250\r\n")}) ==
          "B: MAIL FROM:<a@example.com> SIZE=5 AUTH=<>\\r\\nRCPT TO:<b>\\r\\nrcpt to:<c>\\r\\n"
          "RSET\\r\\nNOOP\\r\\n\n"
          "C: 250 2.1.0 Sender OK\\r\\n\nmail\n"
          "C: 250-2.1.5\\r\\n250 2.1.5 ok\\r\\n550 no\\r\\n250 reset\\r\\n250\\r\\n\n");
}

TEST_CASE("the first MAIL that the backend accepts is told once, a refused one is not") {
  REQUIRE(
      play_greeted({client("MAIL FROM:<a>\r\n"), backend("530 log in\r\n"),
                    client("MAIL FROM:<a>\r\n"), backend("250 ok\r\n"), client("RSET\r\n"),
                    backend("250 ok\r\n"), client("MAIL FROM:<a>\r\n"), backend("250 ok\r\n")}) ==
      "B: MAIL FROM:<a>\\r\\n\nC: 530 log in\\r\\n\n"
      "B: MAIL FROM:<a>\\r\\n\nC: 250 ok\\r\\n\nmail\n"
      "B: RSET\\r\\n\nC: 250 ok\\r\\n\nB: MAIL FROM:<a>\\r\\n\nC: 250 ok\\r\\n\n");
}

TEST_CASE("a hidden verb is never passed on, and its refusal waits for its turn") {
  REQUIRE(play_greeted({client("NOOP\r\nvrfy root\r\nNOOP\r\n"), backend("250 one\r\n"),
                        backend("250 two\r\n")}) ==
          "B: NOOP\\r\\n\nalarm hidden_verb VRFY\nB: NOOP\\r\\n\nC: 250 one\\r\\n" +
              kNotImplemented + "250 two\\r\\n\n");
  for (const std::string line :
       {"X-EXPS GSSAPI", "x-exps=LOGIN", " XEXCH50 1 2", "\tXCLIENT A=B"}) {
    INFO(line);
    const auto text = play_greeted({client(line + "\r\n")});
    REQUIRE(text.starts_with("alarm hidden_verb X"));
    REQUIRE(text.ends_with("\nC: " + kNotImplemented + "\n"));
  }
}

TEST_CASE("X-ANONYMOUSTLS is hidden even where no verb is") {
  Options options = smtp_options();
  options.hidden_verbs.clear();
  REQUIRE(play_greeted({client("X-ANONYMOUSTLS\r\n")}, always(Verdict::allow), after_starttls(),
                       options) ==
          "alarm hidden_verb X-ANONYMOUSTLS\nC: " + kNotImplemented + "\n");
}

TEST_CASE("an unknown verb passes, but what lies behind it waits for its answer") {
  REQUIRE(play_greeted({client("XYZZY 1\r\nNOOP\r\n"), backend("500 what?\r\n")}) ==
          "B: XYZZY 1\\r\\n\nC: 500 what?\\r\\n\nB: NOOP\\r\\n\n");
  REQUIRE(play_greeted({client("HELP\r\nNOOP\r\n"), backend("214-a\r\n"), backend("214 b\r\n")}) ==
          "B: HELP\\r\\n\nC: 214-a\\r\\n214 b\\r\\n\nB: NOOP\\r\\n\n");
}

TEST_CASE("an empty line is answered by postern: backends differ in what they do about it") {
  REQUIRE(play_greeted({client("\r\n \r\nNOOP\r\n")}) ==
          "C: 500 5.5.2 Command not recognized\\r\\n500 5.5.2 Command not recognized\\r\\n\n"
          "B: NOOP\\r\\n\n");
}

TEST_CASE("a go-ahead that no command asked for ends the session") {
  const std::string end =
      "C: 421 4.3.0 Mail server gave no valid reply, closing connection\\r\\n\n"
      "end backend_protocol\n";
  REQUIRE(play_greeted({client("XYZZY\r\n"), backend("354 send it\r\n")}) ==
          "B: XYZZY\\r\\n\n" + end);
  REQUIRE(play_greeted({client("NOOP\r\n"), backend("334 \r\n")}) == "B: NOOP\\r\\n\n" + end);
}

TEST_CASE("HELO is not edited, and both names of a client are told") {
  REQUIRE(play_greeted({client("HELO pc17\r\n"), backend("250-b\r\n250 STARTTLS\r\n"),
                        client("EHLO " + std::string(300, 'x') + "\r\n")},
                       always(Verdict::allow), optional_tls(CleartextLogins::offered)) ==
          "named ehlo pc17\nB: HELO pc17\\r\\n\nC: 250-b\\r\\n250 STARTTLS\\r\\n\n"
          "named ehlo " +
              std::string(255, 'x') + "\nB: EHLO " + std::string(300, 'x') + "\\r\\n\n");
}

TEST_CASE("a failed EHLO passes unedited, whole") {
  REQUIRE(
      play_greeted({client("EHLO\r\n"), backend("501-STARTTLS\r\n"), backend("501 AUTH\r\n")}) ==
      "B: EHLO\\r\\n\nC: 501-STARTTLS\\r\\n501 AUTH\\r\\n\n");
}

TEST_CASE("an EHLO reply is held until it is complete, edited, and offers STARTTLS in clear") {
  const auto text = play_greeted({client("EHLO c\r\n"), backend("250-b\r\n250-X-EXPS LOGIN\r\n"),
                                  backend("250-AUTH LOGIN\r\n250 STARTTLS\r\n")},
                                 always(Verdict::allow), optional_tls(CleartextLogins::offered));
  REQUIRE(text ==
          "named ehlo c\nB: EHLO c\\r\\n\n"
          "C: 250-b\\r\\n250-STARTTLS\\r\\n250 AUTH LOGIN\\r\\n\n");
}

TEST_CASE("an EHLO reply and a single line of it have a bound") {
  std::string many;
  while (many.size() <= kMaxHeldReply) many += "250-" + std::string(500, 'x') + "\r\n";
  const std::vector<std::string> replies = {many, std::string(kMaxReplyLine + 1, '2')};
  for (const auto& reply : replies) {
    const Options options = smtp_options();
    SmtpDialogue held(options, after_starttls());
    Steps steps;
    held.feed(Side::backend, "220 b\r\n", steps);
    held.feed(Side::client, "EHLO c\r\n", steps);
    steps.clear();
    std::size_t fed = 0;
    while (steps.empty()) {
      const auto piece = std::string_view(reply).substr(fed, 997);
      REQUIRE_FALSE(piece.empty());
      fed += piece.size();
      held.feed(Side::backend, piece, steps);
      REQUIRE(held.kept() <= kMaxHeldReply + kMaxReplyLine);
    }
    REQUIRE(std::get<End>(steps[1]).cause == Cause::backend_protocol);
  }
}

TEST_CASE("a reply that nobody asked for ends the session and is told") {
  const std::string end =
      "alarm response_injection reply without a command\n"
      "C: 421 4.3.0 Mail server gave no valid reply, closing connection\\r\\n\n"
      "end response_injection\n";
  REQUIRE(play_greeted({backend("250 forged\r\n")}) == end);
  REQUIRE(play_greeted({client("NOOP\r\n"), backend("250 ok\r\n250-forged\r\n")}) ==
          "B: NOOP\\r\\n\nC: 250 ok\\r\\n\n" + end);
  REQUIRE(play_greeted({backend("421 one\r\n421 two\r\n")}) ==
          "C: 421 one\\r\\n\nalarm response_injection reply without a command\n"
          "end response_injection\n");
}

TEST_CASE("a backend's own 421 passes, and nothing is added when it closes") {
  REQUIRE(play_greeted({backend("421-4.4.2 timeout,\r\n421 bye\r\n"), ended(Side::backend)}) ==
          "C: 421-4.4.2 timeout,\\r\\n421 bye\\r\\n\nend backend_closed\n");
  REQUIRE(
      play_greeted({client("NOOP\r\nNOOP\r\n"), backend("421 bye\r\n"), ended(Side::backend)}) ==
      "B: NOOP\\r\\nNOOP\\r\\n\nC: 421 bye\\r\\n\nend backend_closed\n");
  REQUIRE(play_greeted({client("EHLO c\r\n"), backend("421 bye\r\n"), ended(Side::backend)}) ==
          "named ehlo c\nB: EHLO c\\r\\n\nC: 421 bye\\r\\n\nend backend_closed\n");
  // One that goes on all the same is no farewell any more.
  REQUIRE(play_greeted({client("NOOP\r\n"), backend("421 slow down\r\n"), client("NOOP\r\n"),
                        backend("250 ok\r\n"), ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nC: 421 slow down\\r\\n\nB: NOOP\\r\\n\nC: 250 ok\\r\\n"
          "421 4.4.2 Connection to the mail server was lost\\r\\n\nend backend_closed\n");
}

TEST_CASE("a backend that dies leaves no silence, but nothing breaks into a reply") {
  const std::string lost =
      "421 4.4.2 Connection to the mail server was lost\\r\\n\nend backend_closed\n";
  REQUIRE(play_greeted({ended(Side::backend)}) == "C: " + lost);
  REQUIRE(play_greeted({client("NOOP\r\n"), backend("250 o"), ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nC: " + lost);
  REQUIRE(play_greeted({client("HELP\r\n"), backend("214-a\r\n214 "), ended(Side::backend)}) ==
          "B: HELP\\r\\n\nC: 214-a\\r\\n\nend backend_closed\n");
  REQUIRE(play_greeted({client("EHLO c\r\n"), backend("250-b\r\n"), ended(Side::backend)}) ==
          "named ehlo c\nB: EHLO c\\r\\n\nC: " + lost);
}

TEST_CASE("QUIT ends the session once the backend has answered") {
  REQUIRE(play_greeted({client("QUIT\r\nNOOP\r\n"), backend("221-so\r\n221 long\r\n")}) ==
          "B: QUIT\\r\\n\nC: 221-so\\r\\n221 long\\r\\n\nend client_quit\n");
  REQUIRE(play_greeted({client("QUIT\r\n"), backend("500 no\r\n"), client("NOOP\r\n")}) ==
          "B: QUIT\\r\\n\nC: 500 no\\r\\n\nB: NOOP\\r\\n\n");
  REQUIRE(play_greeted({client("QUIT\r\n"), ended(Side::client), backend("221 bye\r\n")}) ==
          "B: QUIT\\r\\n\nC: 221 bye\\r\\n\nend client_quit\n");
}

TEST_CASE("the client's end reaches the backend once all was sent, and never half a line") {
  REQUIRE(play_greeted({client("NOOP\r\nRCPT TO"), ended(Side::client), backend("250 ok\r\n"),
                        ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nshut backend\nC: 250 ok\\r\\n\nend backend_closed\n");
  // What waits for an answer is still sent.
  REQUIRE(play_greeted({client("HELP\r\nNOOP\r\n"), ended(Side::client), backend("214 h\r\n"),
                        backend("250 ok\r\n")}) ==
          "B: HELP\\r\\n\nC: 214 h\\r\\n\nB: NOOP\\r\\n\nshut backend\nC: 250 ok\\r\\n\n");
  REQUIRE(play(after_starttls(), {client("NOOP\r\n"), ended(Side::client), backend("220 b\r\n")}) ==
          "B: NOOP\\r\\n\nshut backend\n");
}

TEST_CASE("a bare CR, a bare LF or a NUL in a command of SMTP is never passed on") {
  for (const std::string& line : {std::string("NOOP\n"), std::string("RC\rPT\r\n"),
                                  std::string("RCPT\r\r\n"), std::string("RC\0PT\r\n", 7)}) {
    INFO(printable(line));
    REQUIRE(play_greeted({client("NOOP\r\n" + line + "NOOP\r\n"), backend("250 ok\r\n")}) ==
            "B: NOOP\\r\\n\nC: 250 ok\\r\\n500 5.5.2 Bare CR, bare LF or NUL in a command, closing "
            "connection\\r\\n\nend bad_syntax\n");
  }
}

TEST_CASE("a line over the limit ends the session after the replies before it") {
  REQUIRE(play_greeted(
              {client("NOOP\r\nNOOP " + std::string(1000, 'x') + "\r\n"), backend("250 ok\r\n")}) ==
          "B: NOOP\\r\\n\nalarm line_too_long command\nC: 250 ok\\r\\n"
          "500 5.5.2 Line too long, closing connection\\r\\n\nend line_too_long\n");
  const std::string longest = "NOOP " + std::string(993, 'x');
  REQUIRE(play_greeted({client(longest + "\r\n")}) == "B: " + longest + "\\r\\n\n");
}

TEST_CASE("last words are said although the backend dies before their turn") {
  REQUIRE(play_greeted({client("NOOP\r\nNOOP\n"), ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nC: 500 5.5.2 Bare CR, bare LF or NUL in a command, closing "
          "connection\\r\\n\nend bad_syntax\n");
}

TEST_CASE("more refusals of postern's own than the bound end the session") {
  std::string commands;
  for (int i = 0; i <= kMaxRefusedCommands; ++i) commands += "VRFY x\r\n";
  const auto text = play_greeted({client(commands + "NOOP\r\n")});
  REQUIRE(
      text.ends_with("C: 421 4.7.0 Too many errors, closing connection\\r\\n\n"
                     "end too_many_errors\n"));
  REQUIRE(text.find("B: ") == std::string::npos);
}

TEST_CASE("more commands unknown to the backend than the bound end the session as well") {
  std::vector<Action> actions;
  for (int i = 0; i <= kMaxRefusedCommands; ++i) {
    actions.push_back(client("X-HEADER: x\r\n"));
    actions.push_back(backend("500 5.3.3 Unrecognized command\r\n"));
  }
  actions.push_back(client("NOOP\r\n"));
  const auto text = play_greeted(actions);
  REQUIRE(
      text.ends_with("500 5.3.3 Unrecognized command\\r\\n"
                     "421 4.7.0 Too many errors, closing connection\\r\\n\n"
                     "end too_many_errors\n"));
  REQUIRE(text.find("NOOP") == std::string::npos);
}

TEST_CASE("the client waits while too many replies are outstanding") {
  const Options options = smtp_options();
  SmtpDialogue dialogue(options, after_starttls());
  Steps steps;
  dialogue.feed(Side::backend, "220 b\r\n", steps);
  std::string commands;
  for (std::size_t i = 0; i < kMaxOutstanding + 5; ++i) commands += "NOOP\r\n";
  dialogue.feed(Side::client, commands, steps);
  REQUIRE_FALSE(dialogue.wants(Side::client));
  REQUIRE(dialogue.wants(Side::backend));
  REQUIRE(dialogue.kept() == 5 * std::string_view("NOOP\r\n").size());
  std::size_t answered = 0;
  while (!dialogue.wants(Side::client)) {
    dialogue.feed(Side::backend, "250 ok\r\n", steps);
    ++answered;
  }
  REQUIRE(answered == 6);
  REQUIRE(dialogue.kept() == 0);
}

TEST_CASE("STARTTLS on an optional listener begins TLS once nothing is outstanding") {
  const auto conditions = optional_tls(CleartextLogins::offered);
  REQUIRE(play(conditions, {backend("220 b\r\n"), client("EHLO c\r\nSTARTTLS\r\n\x16\x03\x01"),
                            backend("250 b\r\n")}) ==
          "C: 220 b\\r\\n\nnamed ehlo c\nB: EHLO c\\r\\n\n"
          "C: 250-b\\r\\n250 STARTTLS\\r\\n220 2.0.0 Ready to start TLS\\r\\n\n"
          "tls \\x16\\x03\\x01\n");
  // Behind commands that hold nothing up as well.
  REQUIRE(play(conditions, {backend("220 b\r\n"), client("NOOP\r\nRSET\r\nSTARTTLS\r\nNOOP\r\n"),
                            backend("250 one\r\n"), backend("250 two\r\n")}) ==
          "C: 220 b\\r\\n\nB: NOOP\\r\\nRSET\\r\\n\n"
          "C: 250 one\\r\\n250 two\\r\\n220 2.0.0 Ready to start TLS\\r\\n\n"
          "tls NOOP\\r\\n\n");
  // In a transaction too, and the backend never sees it.
  REQUIRE(play(conditions, {backend("220 b\r\n"), client("MAIL FROM:<a>\r\n"),
                            backend("250 ok\r\n"), client("Starttls\r\nRCPT TO:<b>\r\n")}) ==
          "C: 220 b\\r\\n\nB: MAIL FROM:<a>\\r\\n\nC: 250 ok\\r\\n\nmail\n"
          "C: 220 2.0.0 Ready to start TLS\\r\\n\ntls RCPT TO:<b>\\r\\n\n");
  REQUIRE(play(conditions, {backend("220 b\r\n"), client("STARTTLS x\r\n")}) ==
          "C: 220 b\\r\\n501 5.5.4 STARTTLS takes no argument\\r\\n\n");
}

TEST_CASE("STARTTLS is refused under TLS and where it is not offered") {
  REQUIRE(play_greeted({client("STARTTLS\r\n")}) == "C: 503 5.5.1 TLS is already active\\r\\n\n");
  REQUIRE(play_greeted({client("STARTTLS x\r\n")}) == "C: 503 5.5.1 TLS is already active\\r\\n\n");
  REQUIRE(play_greeted({client("STARTTLS\r\n")}, always(Verdict::allow), without_tls()) ==
          "C: " + kNotImplemented + "\n");
}

TEST_CASE("a farewell is said between replies and nowhere else") {
  const Options options = smtp_options();
  const auto say = [&](std::initializer_list<Action> actions, const Conditions& conditions) {
    SmtpDialogue dialogue(options, conditions);
    Steps steps;
    for (const auto& action : actions) dialogue.feed(action.side, action.bytes, steps);
    steps.clear();
    dialogue.farewell(Farewell::shutting_down, steps);
    std::string text;
    for (const auto& step : steps) {
      if (const auto* sent = std::get_if<Send>(&step)) text += sent->bytes;
    }
    REQUIRE(std::get<End>(steps[steps.size() - 1]).cause == Cause::farewell);
    Steps more;
    dialogue.farewell(Farewell::shutting_down, more);
    REQUIRE(more.empty());
    return text;
  };
  const std::string words = "421 4.3.2 Service is shutting down\r\n";
  REQUIRE(say({}, under_tls()) == words);
  REQUIRE(say({backend("220-a\r\n")}, under_tls()).empty());
  REQUIRE(say({backend("220-a\r\n")}, after_starttls()) == words);
  REQUIRE(say({backend("220 a\r\n"), client("HELP\r\n")}, under_tls()) == words);
  REQUIRE(
      say({backend("220 a\r\n"), client("HELP\r\n"), backend("214-x\r\n")}, under_tls()).empty());
  REQUIRE(say({backend("220 a\r\n"), client("EHLO c\r\n"), backend("250-b\r\n")}, under_tls()) ==
          words);
  REQUIRE(say({backend("220 a\r\n"), client("DATA\r\n"), backend("354 go\r\n"), client("half")},
              under_tls()) == words);
}

TEST_CASE("the dialogue names the last command, but never a word that could be a secret") {
  const Options options = smtp_options();
  SmtpDialogue dialogue(options, after_starttls());
  Steps steps;
  REQUIRE(dialogue.last_command().empty());
  dialogue.feed(Side::backend, "220 b\r\n", steps);
  dialogue.feed(Side::client, "rcpt TO:<x>\r\n", steps);
  REQUIRE(dialogue.last_command() == "RCPT");
  dialogue.feed(Side::client, "xclient a=b\r\n", steps);
  REQUIRE(dialogue.last_command() == "XCLIENT");
  dialogue.feed(Side::client, "HUNTER2\r\n", steps);
  REQUIRE(dialogue.last_command() == "?");
}
