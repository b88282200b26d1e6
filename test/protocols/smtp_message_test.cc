// Messages in SMTP: DATA and BDAT are never taken for commands, and nothing but CRLF.CRLF ends
// DATA.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "protocols/smtp_line.h"
#include "test/protocols/smtp_play.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

const std::string kStart = "B: DATA\\r\\n\nC: 354 go ahead\\r\\n\n";
const std::string kSmuggled =
    "alarm smuggling bare newline in a message\n"
    "C: 521 5.5.2 Bare CR or bare LF in the message, closing connection\\r\\n\nend bare_newline\n";

// What comes of a message, behind kStart.
std::string send_message(std::string_view message, BareNewlines bare_newlines) {
  auto conditions = after_starttls();
  conditions.bare_newlines = bare_newlines;
  auto text = play_greeted({client("DATA\r\n"), backend("354 go ahead\r\n"), client(message)},
                           always(Verdict::allow), conditions);
  REQUIRE(text.starts_with(kStart));
  return text.substr(kStart.size());
}

std::string passed(std::string_view message) { return "B: " + printable(message) + "\n"; }

}  // namespace

TEST_CASE("a message passes unchanged to its final dot, whose reply is matched") {
  const std::string message =
      "Subject: x\r\n\r\nAUTH PLAIN AGpkb2UAcHc=\r\nVRFY root\r\n..dots\r\n. \r\n\r\n.\r\n";
  REQUIRE(play_greeted({client("DATA\r\n"), backend("354 go ahead\r\n"),
                        client(message + "NOOP\r\nVRFY x\r\n"), backend("250 queued\r\n"),
                        backend("250 ok\r\n")}) ==
          kStart + "B: " + printable(message) +
              "NOOP\\r\\n\nalarm hidden_verb VRFY\nC: 250 queued\\r\\n250 ok\\r\\n"
              "502 5.5.1 Command not implemented\\r\\n\n");
}

TEST_CASE("an empty message is one dot, and octets of any value pass") {
  REQUIRE(send_message(".\r\n", BareNewlines::reject) == passed(".\r\n"));
  std::string octets;
  for (int value = 0; value < 256; ++value) {
    if (value != '\r' && value != '\n') octets += static_cast<char>(value);
  }
  REQUIRE(send_message(octets + "\r\n.\r\n", BareNewlines::reject) == passed(octets + "\r\n.\r\n"));
}

TEST_CASE("what a client sends behind DATA waits for the go-ahead") {
  REQUIRE(
      play_greeted({client("MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nhello\r\n.\r\nRSET\r\n"),
                    backend("250 a\r\n250 b\r\n"), backend("354 go\r\n"), backend("250 c\r\n"),
                    backend("250 d\r\n")}) ==
      "B: MAIL FROM:<a>\\r\\nRCPT TO:<b>\\r\\nDATA\\r\\n\nC: 250 a\\r\\n\nmail\n"
      "C: 250 b\\r\\n354 go\\r\\n\nB: hello\\r\\n.\\r\\nRSET\\r\\n\nC: 250 c\\r\\n250 d\\r\\n\n");
}

TEST_CASE("a refused DATA makes no commands of the message behind it") {
  const std::string start = "B: DATA\\r\\n\nC: 554 no valid recipients\\r\\n";
  const std::string closed =
      "503 5.5.1 The message came although it is not taken, closing connection\\r\\n\n"
      "end bad_syntax\n";
  // It came before the reply: its first line may look like any command.
  for (const std::string message : {"Subject: x\r\n\r\nMAIL FROM:<x>\r\n.\r\nQUIT\r\n",
                                    "MAIL FROM:<x>\r\nRCPT TO:<y>\r\n", ".\r\n", "Q"}) {
    INFO(message);
    REQUIRE(play_greeted({client("DATA\r\n" + message), backend("554 no valid recipients\r\n")}) ==
            start + closed);
  }
  // It was on its way when the reply was given: what is no command shows it.
  REQUIRE(play_greeted({client("DATA\r\n"), backend("554 no valid recipients\r\n"),
                        client("Subject: x\r\n\r\nMAIL FROM:<x>\r\n.\r\nQUIT\r\n")}) ==
          start + closed);
}

TEST_CASE("behind a refused DATA the session goes on with the next command") {
  REQUIRE(
      play_greeted({client("DATA\r\n"), backend("554 no valid recipients\r\n"),
                    client("RSET\r\nXYZZY\r\n"), backend("250 ok\r\n"), backend("500 what\r\n")}) ==
      "B: DATA\\r\\n\nC: 554 no valid recipients\\r\\n\nB: RSET\\r\\nXYZZY\\r\\n\n"
      "C: 250 ok\\r\\n500 what\\r\\n\n");
}

TEST_CASE("reject: a bare CR or LF ends the session before the message is complete") {
  struct Case {
    std::string message;
    std::string passed;
  };
  const std::vector<Case> cases = {
      {"a\nb\r\n.\r\n", "a"},
      {"a\r\n.\nMAIL FROM:<x>\r\n", "a\r\n."},
      {"a\n.\r\nMAIL FROM:<x>\r\n", "a"},
      {"a\n.\nMAIL FROM:<x>\r\n", "a"},
      {"a\r.\rMAIL FROM:<x>\r\n", "a"},
      {"a\r\n.\rMAIL FROM:<x>\r\n", "a\r\n."},
      {"a\r\n.\r\r\nMAIL FROM:<x>\r\n", "a\r\n."},
      {"a\r\r\n.\r\n", "a"},
      {"a\r\n\n.\r\n", "a\r\n"},
      {"\n.\r\n", ""},
      {".\n", "."},
      {"a\r\n.\r\t\n", "a\r\n."},
  };
  for (const auto& [message, before] : cases) {
    INFO(printable(message));
    const auto sent = before.empty() ? "" : passed(before);
    REQUIRE(send_message(message, BareNewlines::reject) == sent + kSmuggled);
  }
}

TEST_CASE(
    "reject: a line that is one dot once its NULs are taken out ends the session, others pass") {
  using std::string_literals::operator""s;
  for (const auto& line : {"\0."s, ".\0"s, "\0\0.\0\0"s, "\0.\0"s}) {
    INFO(printable(line));
    REQUIRE(send_message("a\r\n" + line + "\r\nb\r\n.\r\n", BareNewlines::reject) ==
            passed("a\r\n" + line) + kSmuggled);
  }
  for (const auto& line : {"\0"s, "\0\0"s, "\0.."s, "..\0"s, ".\0x"s, "a\0"s, ".\0."s, "\0x."s}) {
    INFO(printable(line));
    REQUIRE(send_message("a\r\n" + line + "\r\n.\r\n", BareNewlines::reject) ==
            passed("a\r\n" + line + "\r\n.\r\n"));
  }
  REQUIRE(send_message("\0\r\0\n.\r\n"s, BareNewlines::reject) == passed("\0"s) + kSmuggled);
}

TEST_CASE("pass: all octets pass, and only CRLF.CRLF ends the message") {
  for (const std::string begin :
       {"a\nb", "a\r\n.\nb", "a\n.\r\nb", "a\n.\nb", "a\r.\rb", "a\r\n.\rb", "a\r\n.\r\r\nb",
        "\n.\n", "\r.\r", "\n.\r\n", ".\n", "..\r\n.x", "a\r\n.\r\r\n..", "a\r"}) {
    INFO(printable(begin));
    const auto message = begin + "\r\n.\r\n";
    REQUIRE(send_message(message + "VRFY x\r\n", BareNewlines::pass) ==
            passed(message) + "alarm hidden_verb VRFY\n");
  }
}

TEST_CASE("a client that ends in its message leaves it incomplete at the backend") {
  REQUIRE(play_greeted({client("DATA\r\n"), backend("354 go ahead\r\n"), client("a\r\n.\r"),
                        ended(Side::client), ended(Side::backend)}) ==
          kStart + "B: a\\r\\n.\nshut backend\nend backend_closed\n");
}

TEST_CASE("a message's octets are passed on without a copy") {
  const Options options = smtp_options();
  SmtpDialogue dialogue(options, after_starttls());
  Steps steps;
  dialogue.feed(Side::backend, "220 b\r\n", steps);
  dialogue.feed(Side::client, "DATA\r\n", steps);
  dialogue.feed(Side::backend, "354 go\r\n", steps);
  steps.clear();
  std::string piece;
  while (piece.size() < 64 * 1024)
    piece += "a line of seventy octets or so, as they are in messages\r\n";
  dialogue.feed(Side::client, piece, steps);
  REQUIRE(steps.size() == 1);
  REQUIRE(std::get<Send>(steps[0]).bytes.data() == piece.data());
  REQUIRE(std::get<Send>(steps[0]).bytes.size() == piece.size());
  REQUIRE(dialogue.kept() == 0);
}

TEST_CASE("BDAT chunks are counted and never looked at") {
  const std::string chunk("\r\n.\r\n\nVRFY\r\0xy", 14);
  REQUIRE(play_greeted(with_chunking({client("BDAT 14\r\n" + chunk + "bdat 0 last\r\nNOOP\r\n"),
                                      backend("250 14 octets\r\n250 done\r\n250 ok\r\n")})) ==
          kWithChunking + "B: BDAT 14\\r\\n" + printable(chunk) +
              "bdat 0 last\\r\\nNOOP\\r\\n\n"
              "C: 250 14 octets\\r\\n250 done\\r\\n250 ok\\r\\n\n");
}

TEST_CASE("a chunk follows its BDAT although the backend has refused it already") {
  REQUIRE(play_greeted(with_chunking(
              {client("BDAT 6 LAST\r\nab"), backend("503 no MAIL\r\n"), client("cdefNOOP\r\n")})) ==
          kWithChunking + "B: BDAT 6 LAST\\r\\nab\nC: 503 no MAIL\\r\\n\nB: cdefNOOP\\r\\n\n");
}

TEST_CASE("a backend that never offered CHUNKING sees neither BDAT nor its chunk") {
  const std::string refused = "C: 503 5.5.1 BDAT is not offered here\\r\\n\nB: NOOP\\r\\n\n";
  REQUIRE(play_greeted({client("BDAT 10 LAST\r\nXCLIENT\r\n.NOOP\r\n")}) == refused);
  REQUIRE(play_greeted(with_chunking(
              {client("HELO c\r\n"), backend("250 b\r\n"), client("BDAT 0 LAST\r\nNOOP\r\n")})) ==
          kWithChunking +
              "named ehlo c\nB: HELO c\\r\\n\nC: 250 b\\r\\n503 5.5.1 BDAT is not "
              "offered here\\r\\n\nB: NOOP\\r\\n\n");
  // A failed EHLO changes nothing.
  REQUIRE(play_greeted(with_chunking(
              {client("EHLO\r\n"), backend("501 name?\r\n"), client("BDAT 1 LAST\r\nx")})) ==
          kWithChunking + "B: EHLO\\r\\n\nC: 501 name?\\r\\n\nB: BDAT 1 LAST\\r\\nx\n");
}

TEST_CASE("a BDAT whose size could be read in two ways ends the session") {
  for (const std::string argument :
       {"", " x", " -1", " +1", " 0x10", " 010", " 1.5", " 5 FIRST", " 5 LAST x", " 5LAST", "\t5",
        " 5\tLAST", " 2147483648", " 18446744073709551617", " 99999999999999999999999",
        " 5 LAST "}) {
    INFO(argument);
    REQUIRE(play_greeted(with_chunking({client("BDAT" + argument + "\r\nxxxxx")})) ==
            kWithChunking.substr(0, kWithChunking.size() - 1) +
                "501 5.5.4 Bad chunk size, closing connection\\r\\n\nend bad_syntax\n");
  }
  REQUIRE(play_greeted(with_chunking({client(" BDAT 5\r\nxxxxx")})).ends_with("end bad_syntax\n"));
  REQUIRE(parse_bdat("BDAT 2147483647\r\n") == kMaxChunk);
  REQUIRE(parse_bdat("bdat  7  Last\r\n") == 7U);
}

TEST_CASE(
    "a BDAT behind an unanswered AUTH waits with it, and behind a refused DATA is a message") {
  REQUIRE(play_greeted(
              with_chunking({client("AUTH PLAIN\r\nBDAT 3 LAST\r\nabc"), backend("535 no\r\n")})) ==
          kWithChunking +
              "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nC: 535 no\\r\\n\n"
              "answered PLAIN secret failure\nB: BDAT 3 LAST\\r\\nabc\n");
  REQUIRE(
      play_greeted(with_chunking({client("DATA\r\nBDAT 3 LAST\r\nabc"), backend("503 no\r\n")})) ==
      kWithChunking +
          "B: DATA\\r\\n\nC: 503 no\\r\\n"
          "503 5.5.1 The message came although it is not taken, closing connection\\r\\n\n"
          "end bad_syntax\n");
}

TEST_CASE("a reply in the midst of a message is one that nobody asked for") {
  REQUIRE(play_greeted({client("DATA\r\n"), backend("354 go ahead\r\n"), client("a\r\n"),
                        backend("250 queued\r\n")}) ==
          kStart +
              "B: a\\r\\n\nalarm response_injection reply without a command\n"
              "C: 421 4.3.0 Mail server gave no valid reply, closing connection\\r\\n\n"
              "end response_injection\n");
  REQUIRE(play_greeted({client("DATA\r\n"), backend("354 go ahead\r\n"), client("a\r\n"),
                        backend("421 4.4.2 timeout\r\n"), ended(Side::backend)}) ==
          kStart + "B: a\\r\\n\nC: 421 4.4.2 timeout\\r\\n\nend backend_closed\n");
}
