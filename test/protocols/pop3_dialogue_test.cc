// POP3 between client and backend until the login: whole transcripts, however cut. Logins are in
// pop3_dialogue_login_test.cc.
#include "protocols/pop3_dialogue.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/protocols/pop3_play.h"

using namespace postern::protocols;
using namespace postern::test;

TEST_CASE("the listing of a bare AUTH is edited; where logins need TLS postern refuses it itself") {
  REQUIRE(greeted(kTls, {client("AUTH\r\nNOOP\r\n"),
                         backend("+OK list\r\nNTLM\r\nEXTERNAL\r\n.\r\n+OK\r\n")}) ==
          "B: AUTH\\r\\nNOOP\\r\\n\nC: +OK list\\r\\nNTLM\\r\\n.\\r\\n+OK\\r\\n\n");
  REQUIRE(greeted(kTls, {client("AUTH\r\nNOOP\r\n"), backend("-ERR\r\n+OK\r\n")}) ==
          "B: AUTH\\r\\nNOOP\\r\\n\nC: -ERR\\r\\n+OK\\r\\n\n");
  REQUIRE(greeted(kRefuse, {client("AUTH\r\n")}) == "C: " + kNeedsTls + "\n");
}

TEST_CASE("CAPA is edited when it is complete, and a list without end is not collected for ever") {
  REQUIRE(greeted(kObserve, {client("CAPA\r\n"), backend("+OK\r\nSTLS\r\nUSER\r\n.\r\n")}) ==
          "B: CAPA\\r\\n\nC: +OK\\r\\nSTLS\\r\\nUSER\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kTls, {client("CAPA\r\n"), backend("+OK\r\nTOP\r\nSTL")}) == "B: CAPA\\r\\n\n");
  std::string endless = "+OK\r\n";
  while (endless.size() < 66 * 1024) endless += std::string(500, 'x') + "\r\n";
  REQUIRE(greeted(kTls, {client("CAPA\r\n"), backend(endless)}) ==
          "B: CAPA\\r\\n\n" + kUnreadable + "end backend_protocol\n");
}

TEST_CASE(
    "a backend without CAPA: postern lists STLS itself where it offers it, else -ERR passes") {
  const Actions actions{client("CAPA\r\n"), backend("-ERR what\r\n")};
  REQUIRE(greeted(kObserve, actions) ==
          "B: CAPA\\r\\n\nC: +OK Capability list follows\\r\\nUSER\\r\\nSTLS\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kRefuse, actions) ==
          "B: CAPA\\r\\n\nC: +OK Capability list follows\\r\\nSTLS\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kNone, actions) == "B: CAPA\\r\\n\nC: -ERR what\\r\\n\n");
  REQUIRE(greeted(kTls, actions) == "B: CAPA\\r\\n\nC: -ERR what\\r\\n\n");
}

TEST_CASE("STLS waits for what is outstanding, then begins TLS with the bytes behind it kept") {
  REQUIRE(greeted(kObserve, {client("NOOP\r\nSTLS\r\nUSER a\r\n\x16"), backend("-ERR\r\n")}) ==
          "B: NOOP\\r\\n\nC: -ERR\\r\\n+OK Begin TLS negotiation\\r\\n\ntls USER a\\r\\n\\x16\n");
}

TEST_CASE(
    "STLS never reaches the backend: refused with an argument, under TLS, where not offered") {
  REQUIRE(greeted(kObserve, {client("STLS x\r\n")}) == "C: -ERR STLS takes no argument\\r\\n\n");
  REQUIRE(greeted(kTls, {client("STLS\r\n")}) ==
          "C: -ERR Command not permitted when TLS active\\r\\n\n");
  REQUIRE(greeted(kNone, {client("STLS\r\n")}) == "C: -ERR STLS is not offered here\\r\\n\n");
}

TEST_CASE("postern's own answers stand in their turn behind the backend's") {
  REQUIRE(
      greeted(kTls, {client("NOOP\r\nSTLS\r\nCAPA\r\nXCLIENT a\r\n"), backend("-ERR one\r\n"),
                     backend("+OK\r\nTOP\r\n.\r\n")}) ==
      "B: NOOP\\r\\nCAPA\\r\\n\nalarm hidden_verb XCLIENT\n"
      "C: -ERR one\\r\\n-ERR Command not permitted when TLS active\\r\\n+OK\\r\\nTOP\\r\\n.\\r\\n"
      "-ERR Unknown command\\r\\n\n");
}

TEST_CASE("Zimbra's XOIP, which names a client's address to the backend, never passes") {
  REQUIRE(greeted(kTls, {client("xoip 192.0.2.66\r\n XOIP\r\n")}) ==
          "alarm hidden_verb XOIP\nC: -ERR Unknown command\\r\\n\n"
          "alarm hidden_verb XOIP\nC: -ERR Unknown command\\r\\n\n");
}

TEST_CASE("commands that nobody knows pass and have one line of answer") {
  REQUIRE(greeted(kTls,
                  {client("XYZZY x\r\nXTND\r\n\r\n"), backend("-ERR 1\r\n-ERR 2\r\n-ERR 3\r\n")}) ==
          "B: XYZZY x\\r\\nXTND\\r\\n\\r\\n\nC: -ERR 1\\r\\n-ERR 2\\r\\n-ERR 3\\r\\n\n");
}

TEST_CASE("a reply that nobody asked for is an alarm and the end") {
  const std::string end = "alarm response_injection reply without a command\n" + kUnreadable +
                          "end response_injection\n";
  REQUIRE(greeted(kTls, {backend("+OK injected\r\n")}) == end);
  REQUIRE(greeted(kObserve, {client("NOOP\r\n"), backend("+OK\r\n+OK\r\n")}) ==
          "B: NOOP\\r\\n\nC: +OK\\r\\n\n" + end);
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+ a\r\n+ b\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: + a\\r\\n\n" + end);
}

TEST_CASE("the greeting passes and the client's bytes wait for it") {
  REQUIRE(play(kTls, {client("NOOP\r\n"), backend("+OK hello <1.2@host>\r\n")}) ==
          "C: +OK hello <1.2@host>\\r\\n\nB: NOOP\\r\\n\n");
  REQUIRE(play(kAfterStls, {client("NOOP\r\n"), backend("+OK hello\r\n"), backend("+OK\r\n")}) ==
          "B: NOOP\\r\\n\nC: +OK\\r\\n\n");
}

TEST_CASE("APOP's timestamp stays where logins may be made, and is cut where they need TLS") {
  const auto greeting = backend("+OK <878968.26932@localhost>, POP3 server ready.\r\n");
  REQUIRE(play(kObserve, {greeting}) ==
          "C: +OK <878968.26932@localhost>, POP3 server ready.\\r\\n\n");
  REQUIRE(play(kRefuse, {greeting}) == "C: +OK , POP3 server ready.\\r\\n\n");
}

TEST_CASE(
    "a greeting that is no success passes and ends; behind STLS it answers the next command") {
  const auto busy = backend("-ERR too busy\r\n");
  REQUIRE(play(kTls, {busy}) == "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(play(kAfterStls, {busy}).empty());
  REQUIRE(play(kAfterStls, {busy, client("CAPA\r\nQUIT\r\n")}) ==
          "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(play(kAfterStls, {client("CAPA\r\n"), busy}) ==
          "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(play(kAfterStls, {busy, ended(Side::backend), ended(Side::client)}) ==
          "end backend_refused\n");
  REQUIRE(play(kTls, {backend("220 smtp.example ESMTP\r\n")}) ==
          kUnreadable + "end backend_protocol\n");
  REQUIRE(play(kTls, {backend(std::string(70 * 1024, 'x'))}) ==
          kUnreadable + "end backend_protocol\n");
}

TEST_CASE("no backend: the client hears why, at once or as the answer to its next command") {
  const std::string unreachable =
      "C: -ERR [SYS/TEMP] The mail server cannot be reached, try again later\\r\\n\n"
      "end backend_unreachable\n";
  const std::string timeout =
      "C: -ERR [SYS/TEMP] The mail server does not answer, try again later\\r\\n\n"
      "end backend_timeout\n";
  const auto gone = [](Ending how) { return ended(Side::backend, how); };
  REQUIRE(play(kTls, {gone(Ending::unreachable)}) == unreachable);
  REQUIRE(play(kTls, {gone(Ending::timed_out)}) == timeout);
  REQUIRE(play(kTls, {gone(Ending::closed)}) == kLost + "end backend_closed\n");
  REQUIRE(play(kAfterStls, {gone(Ending::unreachable)}).empty());
  REQUIRE(play(kAfterStls, {gone(Ending::unreachable), client("USER a\r\n")}) == unreachable);
  REQUIRE(play(kAfterStls, {client("USER a\r\n"), gone(Ending::timed_out)}) == timeout);
}

TEST_CASE("QUIT passes, and the backend's closing behind its +OK is the client's quit") {
  REQUIRE(
      greeted(kTls, {client("QUIT\r\nNOOP\r\n"), backend("+OK bye\r\n"), ended(Side::backend)}) ==
      "B: QUIT\\r\\nNOOP\\r\\n\nC: +OK bye\\r\\n\nend client_quit\n");
  REQUIRE(greeted(kTls, {client("QUIT\r\n"), ended(Side::backend)}) ==
          "B: QUIT\\r\\n\n" + kLost + "end backend_closed\n");
  REQUIRE(greeted(kTls, {client("QUIT\r\n"), backend("-ERR no\r\n"), client("NOOP\r\n")}) ==
          "B: QUIT\\r\\n\nC: -ERR no\\r\\n\nB: NOOP\\r\\n\n");
}

TEST_CASE("a backend that dies before the login gives the client words, not silence") {
  REQUIRE(greeted(kTls, {ended(Side::backend)}) == kLost + "end backend_closed\n");
  REQUIRE(greeted(kTls, {client("USER a\r\n"), backend("+O"), ended(Side::backend)}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\n" + kLost + "end backend_closed\n");
}

TEST_CASE("the client's end is carried to the backend once all its commands are there") {
  REQUIRE(greeted(kTls, {client("NOOP\r\nhalf"), ended(Side::client), backend("+OK\r\n"),
                         ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nshut backend\nC: +OK\\r\\n\nend backend_closed\n");
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nSTAT\r\n"), ended(Side::client),
                         backend("+OK\r\n"), backend("+OK in\r\n")}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
          "C: +OK in\\r\\n\nanswered USER user=a secret success\nB: STAT\\r\\n\nshut backend\n"
          "passthrough\n");
  REQUIRE(play(kTls, {client("NOOP\r\n"), ended(Side::client), backend("+OK hi\r\n")}) ==
          "C: +OK hi\\r\\n\nB: NOOP\\r\\n\nshut backend\n");
}

TEST_CASE("a client that goes before the greeting has nothing to say: the backend is let go") {
  REQUIRE(play(kTls, {ended(Side::client), backend("+OK hi\r\n")}) ==
          "shut backend\nC: +OK hi\\r\\n\n");
  REQUIRE(play(kAfterStls, {ended(Side::client)}) == "shut backend\n");
}

TEST_CASE("a malformed line never passes: the replies that are due come first, then the end") {
  for (const std::string_view line : {std::string_view("NOOP\n"), std::string_view("NO\rOP\r\n"),
                                      std::string_view("NO\0P\r\n", 6)}) {
    REQUIRE(
        greeted(kTls, {client("NOOP\r\n"), client(line), client("NOOP\r\n"), backend("+OK\r\n")}) ==
        "B: NOOP\\r\\n\nC: +OK\\r\\n-ERR Malformed command line\\r\\n\nend bad_syntax\n");
  }
}

TEST_CASE("a malformed or overlong SASL response ends at once: the backend waits, not the client") {
  const std::string start = "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: +\\r\\n";
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+\r\n"), client("amRv\nZQ==\r\n")}) ==
          start + "-ERR Malformed command line\\r\\n\nend bad_syntax\n");
  REQUIRE(
      greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+\r\n"), client(std::string(1001, 'a'))}) ==
      start +
          "\nalarm line_too_long command\nC: -ERR Command line too long\\r\\n\n"
          "end line_too_long\n");
}

TEST_CASE("a line of the limit passes, a longer one is an alarm and the end") {
  const std::string longest = std::string(998, 'a') + "\r\n";
  REQUIRE(greeted(kTls, {client(longest)}) == "B: " + std::string(998, 'a') + "\\r\\n\n");
  for (const auto* ending : {"\r\n", ""}) {
    REQUIRE(
        greeted(kTls, {client(std::string(1001, 'a') + ending)}) ==
        "alarm line_too_long command\nC: -ERR Command line too long\\r\\n\nend line_too_long\n");
  }
}

TEST_CASE("twenty refusals of postern's own are answered, the next one ends the session") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 20; ++i) {
    commands += "STLS\r\n";
    answers += "-ERR Command not permitted when TLS active\\r\\n";
  }
  REQUIRE(greeted(kTls, {client(commands + "STLS\r\nNOOP\r\n")}) ==
          "C: " + answers + "-ERR Too many refused commands, goodbye\\r\\n\nend too_many_errors\n");
}

TEST_CASE("twenty errors of the backend are passed on, the next one ends the session") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 21; ++i) {
    commands += "X-HEADER: x\r\n";
    answers += "-ERR unknown\r\n";
  }
  const auto text =
      greeted(kTls, {client(commands), backend(answers), client("NOOP\r\n"), backend("+OK\r\n")});
  REQUIRE(
      text.ends_with("-ERR unknown\\r\\n"
                     "-ERR Too many refused commands, goodbye\\r\\n\nend too_many_errors\n"));
  REQUIRE(text.find("NOOP") == std::string::npos);
}

TEST_CASE("many commands at once: postern keeps a bounded number outstanding and loses none") {
  std::string commands;
  std::string sent;
  std::string replies;
  for (int i = 0; i < 200; ++i) {
    commands += "NOOP\r\n";
    replies += "+OK\r\n";
  }
  const auto text = greeted(kTls, {client(commands), backend(replies)});
  std::size_t passed = 0;
  for (auto at = text.find("NOOP"); at != std::string::npos; at = text.find("NOOP", at + 1))
    ++passed;
  REQUIRE(passed == 200);
  REQUIRE(text.find("alarm") == std::string::npos);
  const auto first = text.substr(0, text.find("C: "));
  REQUIRE(first.size() == std::string_view("B: ").size() + 64 * 8 + 1);
}

TEST_CASE("farewell speaks before the login, is silent after it, and ends the session both times") {
  Pop3Dialogue dialogue(kPop3Options, kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  out.clear();
  dialogue.farewell(Farewell::shutting_down, out);
  REQUIRE(out.size() == 2);
  REQUIRE(std::get<Send>(out[0]).bytes ==
          "-ERR [SYS/TEMP] Going down for maintenance, try again later\r\n");
  REQUIRE(std::get<End>(out[1]).cause == Cause::farewell);
  REQUIRE_FALSE(dialogue.wants(Side::client));

  Pop3Dialogue logged_in(kPop3Options, kTls);
  logged_in.feed(Side::backend, "+OK\r\n", out);
  logged_in.feed(Side::client, "APOP a b\r\n", out);
  logged_in.decide(Verdict::allow, out);
  logged_in.feed(Side::backend, "+OK\r\n", out);
  REQUIRE(std::holds_alternative<PassThrough>(out[out.size() - 1]));
  REQUIRE(logged_in.last_command() == "APOP");
  out.clear();
  logged_in.let_go()->farewell(Farewell::idle_timeout, out);
  REQUIRE(out.size() == 1);
  REQUIRE(std::get<End>(out[0]).cause == Cause::farewell);
}

TEST_CASE("bytes of the backend behind the login's +OK are sent before passthrough begins") {
  Pop3Dialogue dialogue(kPop3Options, kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  dialogue.feed(Side::client, "APOP a b\r\n", out);
  dialogue.decide(Verdict::allow, out);
  out.clear();
  dialogue.feed(Side::backend, "+OK\r\n* more", out);
  REQUIRE(out.size() == 4);
  REQUIRE(std::get<Send>(out[2]).bytes == "* more");
  REQUIRE(std::holds_alternative<PassThrough>(out[3]));
}

TEST_CASE("a client that sends before it may is not read without bound") {
  Pop3Dialogue dialogue(kPop3Options, kTls);
  Steps out;
  REQUIRE(dialogue.wants(Side::client));
  dialogue.feed(Side::client, std::string(1001, 'x'), out);
  REQUIRE_FALSE(dialogue.wants(Side::client));
  REQUIRE(dialogue.wants(Side::backend));
}

TEST_CASE("a line that has just the limit and no end yet is still read on") {
  Pop3Dialogue dialogue(kPop3Options, kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  dialogue.feed(Side::client, std::string(1000, 'x'), out);
  REQUIRE(dialogue.wants(Side::client));
}

TEST_CASE("the last command is a verb of POP3 or a question mark, never what a secret may be") {
  Pop3Dialogue dialogue(kPop3Options, kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  REQUIRE(dialogue.last_command().empty());
  dialogue.feed(Side::client, "capa\r\n", out);
  REQUIRE(dialogue.last_command() == "CAPA");
  dialogue.feed(Side::client, "hunter2\r\n", out);
  REQUIRE(dialogue.last_command() == "?");
}
