// The IMAP dialogue apart from logins: greeting, commands and answers, lists, STARTTLS, ID, ends.
#include "protocols/imap_dialogue.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "protocols/imap_gate.h"
#include "test/protocols/imap_play.h"

using namespace postern::protocols;
using namespace postern::test;

TEST_CASE("the greeting passes with its list edited, and the client waits for it") {
  REQUIRE(
      play(kTls, {client("a NOOP\r\n"),
                  backend("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Verf\xfcgung\r\n"),
                  backend("a OK done\r\n")}) ==
      "C: * OK [CAPABILITY IMAP4rev1] Verf\\xfcgung\\r\\n\n"
      "B: a NOOP\\r\\n\n"
      "C: a OK done\\r\\n\n");
}

TEST_CASE("a swallowed greeting is not seen, and nothing reaches the backend before it") {
  REQUIRE(play(kSwallow, {client("a CAPABILITY\r\n")}).empty());
  REQUIRE(play(kSwallow, {client("a CAPABILITY\r\n"), backend("* OK ready\r\n")}) ==
          "B: a CAPABILITY\\r\\n\n");
}

TEST_CASE("a backend that greets with BYE is heard, and ends the session") {
  for (const auto& conditions : {kTls, kSwallow, kClearRefused}) {
    REQUIRE(play(conditions, {backend("* BYE Connection refused\r\n")}) ==
            "C: * BYE Connection refused\\r\\n\nend backend_refused\n");
  }
  REQUIRE(play(kTls, {backend("* BYE [REFERRAL imap://inside/] go there\r\n")}) ==
          "C: * BYE go there\\r\\n\nend backend_refused\n");
}

TEST_CASE("PREAUTH never reaches a client") {
  const std::string ends =
      "C: * BYE [UNAVAILABLE] The mail server logged the connection in by itself\\r\\n\n"
      "end backend_preauth\n";
  for (const auto& conditions : {kTls, kSwallow, kClearAllowed}) {
    REQUIRE(play(conditions, {client("a STARTTLS\r\n"), backend("* PREAUTH hello\r\n")}) == ends);
  }
  REQUIRE(play_greeted(kTls, {backend("* preauth hello\r\n")}) == ends);
}

TEST_CASE("a greeting that is none ends the session with words of postern's own") {
  for (const auto* greeting : {"220 smtp ready\r\n", "+OK pop\r\n", "\r\n", "* NO\r\n", "*OK x\r\n",
                               "a OK x\r\n", "* \r\n"}) {
    REQUIRE(play(kTls, {backend(greeting)}) ==
            "C: * BYE [UNAVAILABLE] The mail server gave an answer that cannot be used\\r\\n\n"
            "end backend_protocol\n");
  }
}

TEST_CASE("a backend that is not there, silent, or lost gives BYE, never silence") {
  for (const auto& conditions : {kTls, kSwallow}) {
    REQUIRE(play(conditions, {client("a NOOP\r\n"), ended(Side::backend, Ending::unreachable)}) ==
            "C: * BYE [UNAVAILABLE] The mail server cannot be reached\\r\\n\n"
            "end backend_unreachable\n");
    REQUIRE(play(conditions, {ended(Side::backend, Ending::timed_out)}) ==
            "C: * BYE [UNAVAILABLE] The connection to the mail server was lost\\r\\n\n"
            "end backend_timeout\n");
  }
  REQUIRE(play_greeted(kTls,
                       {client("a CAPABILITY\r\n"), backend("* CAPABIL"), ended(Side::backend)}) ==
          "B: a CAPABILITY\\r\\n\n"
          "C: * BYE [UNAVAILABLE] The connection to the mail server was lost\\r\\n\n"
          "end backend_closed\n");
}

TEST_CASE("a backend that said BYE may close without more words") {
  REQUIRE(
      play_greeted(kTls, {backend("* BYE Connection is closed. 14\r\n"), ended(Side::backend)}) ==
      "C: * BYE Connection is closed. 14\\r\\n\nend backend_closed\n");
}

TEST_CASE("LOGOUT ends the session when the backend closes, not before") {
  REQUIRE(play_greeted(kTls, {client("a LOGOUT\r\n"), backend("* BYE bye\r\na OK done\r\n"),
                              client("b NOOP\r\n"), backend("b OK\r\n"), ended(Side::backend)}) ==
          "B: a LOGOUT\\r\\n\n"
          "C: * BYE bye\\r\\na OK done\\r\\n\n"
          "B: b NOOP\\r\\n\n"
          "C: b OK\\r\\n\n"
          "end client_quit\n");
}

TEST_CASE("pipelined commands pass together, and their answers in any order") {
  REQUIRE(play_greeted(kTls, {client("a NOOP\r\nb XFOO  x\r\n? capability\r\n"),
                              backend("? OK\r\n* x\r\nb BAD no\r\na NO\r\n")}) ==
          "B: a NOOP\\r\\nb XFOO  x\\r\\n? capability\\r\\n\n"
          "C: ? OK\\r\\n* x\\r\\nb BAD no\\r\\na NO\\r\\n\n");
}

TEST_CASE("commands beyond the bound wait for answers") {
  std::string commands;
  std::string sent;
  for (std::size_t i = 0; i < ImapDialogue::kMaxOutstanding; ++i) {
    commands += "a" + std::to_string(i) + " NOOP\r\n";
    sent += "a" + std::to_string(i) + " NOOP\\r\\n";
  }
  REQUIRE(play_greeted(kTls, {client(commands + "last NOOP\r\n")}) == "B: " + sent + "\n");
  REQUIRE(play_greeted(kTls, {client(commands + "last NOOP\r\n"), backend("a7 OK\r\n")}) ==
          "B: " + sent + "\nC: a7 OK\\r\\n\nB: last NOOP\\r\\n\n");
}

TEST_CASE("a client that waits is read only up to the bound") {
  ImapDialogue dialogue(kImapOptions, kTls);
  Steps steps;
  REQUIRE(dialogue.wants(Side::client));
  dialogue.feed(Side::client, std::string(kImapOptions.line_length, 'x'), steps);
  REQUIRE(dialogue.wants(Side::client));  // one more octet may show that the line is too long
  dialogue.feed(Side::client, "x", steps);
  REQUIRE_FALSE(dialogue.wants(Side::client));
  REQUIRE(dialogue.wants(Side::backend));
}

TEST_CASE("postern's own answers wait for the backend's before them") {
  REQUIRE(play_greeted(kTls, {client("a NOOP\r\nb STARTTLS\r\nc NOOP\r\n")}) ==
          "B: a NOOP\\r\\nc NOOP\\r\\n\n");
  REQUIRE(play_greeted(
              kTls, {client("a NOOP\r\nb STARTTLS\r\nc NOOP\r\n"), backend("c OK\r\na OK\r\n")}) ==
          "B: a NOOP\\r\\nc NOOP\\r\\n\n"
          "C: c OK\\r\\na OK\\r\\nb BAD STARTTLS is not available here\\r\\n\n");
}

TEST_CASE("a tagged answer that nobody asked for ends the session") {
  for (const std::string line : {"a OK\r\n", "b OK\r\n", "OK\r\n", "A OK\r\n"}) {
    CAPTURE(line);
    REQUIRE(play_greeted(kTls, {client("a NOOP\r\n"), backend("a OK\r\n"), backend(line)}) ==
            "B: a NOOP\\r\\n\nC: a OK\\r\\n\nalarm response_injection tagged response\n"
            "C: * BYE [UNAVAILABLE] The mail server gave an answer that cannot be used\\r\\n\n"
            "end response_injection\n");
  }
}

TEST_CASE("a + that nobody waits for ends the session") {
  REQUIRE(play_greeted(kTls, {client("a IDLE\r\n"), backend("+ idling\r\n")}) ==
          "B: a IDLE\\r\\n\nalarm response_injection continuation\n"
          "C: * BYE [UNAVAILABLE] The mail server gave an answer that cannot be used\\r\\n\n"
          "end response_injection\n");
}

TEST_CASE("odd lines of old servers pass as they are") {
  const std::string lines =
      "* Too many invalid logon attempts.\r\n BAD NULL COMMAND\r\n\r\n* BAD Protocol Error: \"Tag "
      "not "
      "found in command\".\r\n";
  REQUIRE(play_greeted(kTls, {backend(lines)}) == "C: " + printable(lines) + "\n");
}

TEST_CASE("literals in the backend's responses are counted, so no line in them is looked at") {
  REQUIRE(play_greeted(kTls, {client("a ID NIL\r\n"),
                              backend("* ID (\"name\" {25}\r\n+ x\r\nb OK [CAPABILITY A]\r\n \"x\" "
                                      "{0}\r\n \"STARTTLS\")\r\na OK\r\n")}) ==
          "B: a ID NIL\\r\\n\n"
          "C: * ID (\"name\" {25}\\r\\n+ x\\r\\nb OK [CAPABILITY A]\\r\\n \"x\" "
          "{0}\\r\\n \"STARTTLS\")\\r\\na OK\\r\\n\n");
}

TEST_CASE("braces in a status text are no literal") {
  REQUIRE(play_greeted(kTls, {backend("* OK see {5}\r\n* PREAUTH\r\n")}) ==
          "C: * OK see {5}\\r\\n* BYE [UNAVAILABLE] The mail server logged the connection in by "
          "itself\\r\\n\nend backend_preauth\n");
}

TEST_CASE("a backend's line without an end is bounded") {
  REQUIRE(play_greeted(kTls, {backend("* " + std::string(600, 'x'))}) ==
          "C: * BYE [UNAVAILABLE] The mail server gave an answer that cannot be used\\r\\n\n"
          "end backend_protocol\n");
}

TEST_CASE("what cannot be read as a command is answered by postern and never passed on") {
  for (const std::string line : {"", "tag", " LOGIN joe pw", "* LOGIN joe pw", "a LOGIN{3} x",
                                 "a \"LOGIN\" joe pw", "a {3}", "a LOGIN\tjoe pw"}) {
    CAPTURE(line);
    REQUIRE(play_greeted(kTls, {client(line + "\r\n")}) ==
            "C: * BAD No tag and command in this line\\r\\n\n");
  }
  REQUIRE(
      play_greeted(kTls, {client("\"x\" {14+}\r\na LOGIN joe pw {2+}\r\n\r\n\r\nb NOOP\r\n")}) ==
      "C: * BAD No tag and command in this line\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a bare CR, a bare LF or a NUL in a command is never passed on") {
  for (const auto line : {std::string_view("a NOOP\nb NOOP\r\n"), std::string_view("a NO\rOP\r\n"),
                          std::string_view("a NO\0OP\r\n", 9)}) {
    REQUIRE(play_greeted(kTls, {client(line)}) ==
            "C: * BYE A line may hold no bare CR, bare LF or NUL\\r\\n\nend bad_syntax\n");
  }
}

TEST_CASE("a line or a literal beyond the bound ends the session") {
  const std::string words = "C: * BYE The command is too long\\r\\n\nend line_too_long\n";
  REQUIRE(play_greeted(kTls, {client("a NOOP " + std::string(600, 'x'))}) ==
          "alarm line_too_long line\n" + words);
  REQUIRE(play_greeted(kTls, {client("a LOGIN {600+}\r\n")}) ==
          "alarm line_too_long literal\n" + words);
  REQUIRE(play_greeted(kTls, {client("a LOGIN {18446744073709551615+}\r\n")}) ==
          "alarm line_too_long literal\n" + words);
}

TEST_CASE("a synchronising literal beyond the bound is refused alone, before it is sent") {
  for (const auto* verb : {"LOGIN", "ID", "XFOO"}) {
    REQUIRE(play_greeted(kTls, {client(std::string("a ") + verb + " {600}\r\nb NOOP\r\n")}) ==
            "C: a BAD [TOOBIG] The literal is too long\\r\\n\nB: b NOOP\\r\\n\n");
  }
}

TEST_CASE("a literal of any command waits for the backend's +, which is relayed as it is") {
  REQUIRE(play_greeted(kTls, {client("a XFOO {4}\r\n"), backend("+\r\n"),
                              client(std::string_view("\r\n\0y {1}\r\n", 10)), backend("+ x\r\n"),
                              client("z\r\nb NOOP\r\n"), backend("a OK\r\n")}) ==
          "B: a XFOO {4}\\r\\n\nC: +\\r\\n\nB: \\r\\n\\x00y {1}\\r\\n\nC: + x\\r\\n\n"
          "B: z\\r\\nb NOOP\\r\\n\nC: a OK\\r\\n\n");
}

TEST_CASE("the answer instead of a + means that the literal does not come") {
  REQUIRE(play_greeted(kTls,
                       {client("a XFOO {4}\r\n"), backend("a BAD no\r\n"), client("b NOOP\r\n")}) ==
          "B: a XFOO {4}\\r\\n\nC: a BAD no\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a literal that does not wait becomes one that does, so no backend runs it as commands") {
  const auto sent = client("a XFOO {17+}\r\nb LOGIN joe pw\r\nx {1-}\r\ny\r\nc NOOP\r\n");
  REQUIRE(play_greeted(kTls, {sent, backend("+ \r\n"), backend("+ \r\n")}) ==
          "B: a XFOO {17}\\r\\nb LOGIN joe pw\\r\\nx {1}\\r\\ny\\r\\nc NOOP\\r\\n\n");
  REQUIRE(play_greeted(kTls, {sent, backend("a BAD no\r\n")}) ==
          "B: a XFOO {17}\\r\\n\nC: a BAD no\\r\\n\nB: c NOOP\\r\\n\n");
}

TEST_CASE("ID passes without the fields that are postern's to send, and names the client") {
  REQUIRE(
      play_greeted(kTls, {client("a ID (\"name\" \"x\" \"X-Originating-IP\" \"192.0.2.1\")\r\n"),
                          backend("* ID NIL\r\na OK\r\n")}) ==
      "named imap_id x\nB: a ID (\"name\" \"x\")\\r\\n\nC: * ID NIL\\r\\na OK\\r\\n\n");
  REQUIRE(play_greeted(kTls, {client("a ID \"x-session-id\" \"1\"\r\nb NOOP\r\n")}) ==
          "C: a BAD The arguments cannot be read\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("an ID's literals are collected with postern's own +, and the backend's is swallowed") {
  REQUIRE(
      play_greeted(kTls, {client("a ID ({12}\r\n"), client("x-session-id {1}\r\n"),
                          client("9 \"name\" {3}\r\n"), client("abc \"os\" NIL)\r\nb NOOP\r\n"),
                          backend("+ go\r\n"), backend("* ID NIL\r\na OK\r\n")}) ==
      "C: + Ready for the literal\\r\\n+ Ready for the literal\\r\\n+ Ready for the literal\\r\\n\n"
      "named imap_id abc\n"
      "B: a ID (\"name\" {3}\\r\\nabc \"os\" NIL)\\r\\nb NOOP\\r\\n\n"
      "C: * ID NIL\\r\\na OK\\r\\n\n");
}

TEST_CASE("a backend that refuses an ID instead of saying + gets no more of it") {
  REQUIRE(play_greeted(kTls, {client("a ID (\"name\" {3+}\r\nabc)\r\nb NOOP\r\n"),
                              backend("a BAD no\r\n")}) ==
          "named imap_id abc\nB: a ID (\"name\" {3}\\r\\n\nC: a BAD no\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("STARTTLS is answered by postern, and the rest belongs to TLS alone") {
  REQUIRE(
      play_greeted(kClearRefused, {client("s starttls\r\n\x16\x03\x01\r\nb LOGIN joe pw\r\n")}) ==
      "C: s OK Begin TLS negotiation now\\r\\n\ntls \\x16\\x03\\x01\\r\\nb LOGIN joe pw\\r\\n\n");
}

TEST_CASE("STARTTLS waits until all before it is answered") {
  const auto sent = client("a NOOP\r\nb CAPABILITY\r\ns STARTTLS\r\nrest");
  REQUIRE(play_greeted(kClearAllowed, {sent, backend("b OK\r\n")}) ==
          "B: a NOOP\\r\\nb CAPABILITY\\r\\n\nC: b OK\\r\\n\n");
  REQUIRE(play_greeted(kClearAllowed, {sent, backend("b OK\r\n"), backend("a OK\r\n")}) ==
          "B: a NOOP\\r\\nb CAPABILITY\\r\\n\n"
          "C: b OK\\r\\na OK\\r\\ns OK Begin TLS negotiation now\\r\\n\ntls rest\n");
}

TEST_CASE("STARTTLS is bad under TLS, where it is not offered, and with an argument") {
  for (const auto& conditions : {kTls, kSwallow, kNoTls}) {
    REQUIRE(play_greeted(conditions, {client("s STARTTLS\r\n")})
                .ends_with("s BAD STARTTLS is not available here\\r\\n\n"));
  }
  REQUIRE(play_greeted(kClearAllowed, {client("s STARTTLS x\r\nt STARTTLS {3+}\r\nabc\r\n")}) ==
          "C: s BAD This command takes no arguments\\r\\nt BAD This command takes no "
          "arguments\\r\\n\n");
}

TEST_CASE("when the client ends, the backend hears so after all whole lines") {
  REQUIRE(
      play_greeted(kTls, {client("a NOOP\r\nb NO"), ended(Side::client), backend("a OK\r\n")}) ==
      "B: a NOOP\\r\\n\nshut backend\nC: a OK\\r\\n\n");
  REQUIRE(play(kTls, {client("a NOOP\r\n"), ended(Side::client), backend("* OK\r\n")}) ==
          "C: * OK\\r\\n\nB: a NOOP\\r\\n\nshut backend\n");
  REQUIRE(
      play_greeted(kTls, {client("a ID ({4+}\r\nname {1+}\r\nx)\r\n"), ended(Side::client),
                          backend("+\r\n"), backend("+\r\n"), backend("a OK\r\n")}) ==
      "named imap_id x\nB: a ID ({4}\\r\\nname {1}\\r\\nx)\\r\\n\nshut backend\nC: a OK\\r\\n\n");
}

namespace {

// What a farewell says after the backend sent this.
std::string farewell_after(std::string_view from_backend) {
  ImapDialogue dialogue(kImapOptions, kTls);
  Steps steps;
  dialogue.feed(Side::backend, from_backend, steps);
  steps.clear();
  dialogue.farewell(Farewell::shutting_down, steps);
  REQUIRE(std::get<End>(steps[steps.size() - 1]).cause == Cause::farewell);
  return steps.size() == 1 ? "" : std::string(std::get<Send>(steps[0]).bytes);
}

// The same after a login, the backend having gone on with this.
std::string farewell_in_passthrough(std::string_view passed) {
  ImapDialogue dialogue(kImapOptions, kTls);
  Steps steps;
  dialogue.feed(Side::backend, "* OK\r\n", steps);
  dialogue.feed(Side::client, "a LOGIN joe pw\r\n", steps);
  dialogue.decide(Verdict::allow, steps);
  dialogue.feed(Side::backend, "a OK\r\n", steps);
  REQUIRE(std::holds_alternative<PassThrough>(steps[steps.size() - 1]));
  const auto passage = dialogue.let_go();
  passage->passed(passed);
  steps.clear();
  passage->farewell(Farewell::idle_timeout, steps);
  REQUIRE(std::get<End>(steps[steps.size() - 1]).cause == Cause::farewell);
  return steps.size() == 1 ? "" : std::string(std::get<Send>(steps[0]).bytes);
}

}  // namespace

TEST_CASE("a farewell before login is said between responses only") {
  const std::string bye = "* BYE [UNAVAILABLE] Shutting down, try again later\r\n";
  REQUIRE(farewell_after("") == bye);
  REQUIRE(farewell_after("* OK\r\n") == bye);
  REQUIRE(farewell_after("* OK\r\n* ID (\"na") == bye);  // the beginning was not passed on yet
  REQUIRE(farewell_after("* OK\r\n* ID (\"name\" {5}\r\nabc").empty());
  REQUIRE(farewell_after("* OK\r\n* ID (\"name\" {5}\r\nabcde").empty());
  REQUIRE(farewell_after("* OK\r\n* ID (\"name\" {5}\r\nabcde)\r\n") == bye);
}

TEST_CASE("a farewell after login is said at a line's beginning only, and never within a literal") {
  const std::string bye = "* BYE Idle for too long\r\n";
  REQUIRE(farewell_in_passthrough("") == bye);
  REQUIRE(farewell_in_passthrough("* 3 EXISTS\r\n") == bye);
  REQUIRE(farewell_in_passthrough("* 3 EX").empty());
  REQUIRE(farewell_in_passthrough("* 1 FETCH (BODY[] {99}\r\nhello\r\n").empty());
  REQUIRE(farewell_in_passthrough("b OK DEFLATE active\r\n\x01\x02\r\n").empty());
}

TEST_CASE(
    "a backend lost within a literal gives no words, since they would be taken for its octets") {
  REQUIRE(play_greeted(kTls, {backend("* ID (\"name\" {9}\r\nabc"), ended(Side::backend)}) ==
          "C: * ID (\"name\" {9}\\r\\nabc\n"
          "end backend_closed\n");
}
