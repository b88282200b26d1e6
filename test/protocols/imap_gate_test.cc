// The IMAP gate: what a client hears before TLS on a `required` listener.
#include "protocols/imap_gate.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "protocols/gate_bounds.h"
#include "test/support/cutter.h"

using namespace postern::protocols;
using postern::test::run;

namespace {

const Options kOptions = [] {
  Options options;
  options.hostname = "mail.example.com";
  options.line_length = 256;
  return options;
}();
const std::string kGreeting =
    "C: * OK [CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS] mail.example.com ready\\r\\n";
const std::string kAlert =
    "* BAD [ALERT] Your password was sent without encryption although this server does not take it "
    "so: it was exposed. Please change it, and switch TLS on in your mail program.\\r\\n";
const std::string kPrivacy =
    " NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS\\r\\n";

std::string gate(std::string_view client) {
  const auto text = run([] { return std::make_unique<ImapGate>(kOptions); }, client);
  REQUIRE(text.starts_with(kGreeting));
  return text.substr(kGreeting.size());
}

}  // namespace

TEST_CASE("the IMAP gate greets and answers what needs no login") {
  REQUIRE(gate("a1 CAPABILITY\r\na2 noop\r\na3 LOGOUT\r\n") ==
          "* CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS\\r\\n"
          "a1 OK CAPABILITY completed\\r\\n"
          "a2 OK NOOP completed\\r\\n"
          "* BYE mail.example.com closes the connection\\r\\n"
          "a3 OK LOGOUT completed\\r\\n\n"
          "end client_quit\n");
}

TEST_CASE("the IMAP gate takes the client's name from ID, and names nothing of its own") {
  REQUIRE(gate("1 ID (\"name\" \"Apple Mail\" \"os\" \"x\" \"Version\" \"16.0\")\r\n") ==
          "\nnamed imap_id Apple Mail 16.0\nC: * ID NIL\\r\\n1 OK ID completed\\r\\n\n");
  REQUIRE(gate("1 ID NIL\r\n") == "* ID NIL\\r\\n1 OK ID completed\\r\\n\n");
  REQUIRE(gate("1 ID\r\n") == "1 BAD The arguments cannot be read\\r\\n\n");
  REQUIRE(gate("1 ID (\"name\")\r\n") == "1 BAD The arguments cannot be read\\r\\n\n");
}

TEST_CASE("the IMAP gate gives the + for an ID's literal, since it holds no secret") {
  REQUIRE(gate("1 ID (\"name\" {3}\r\nabc {9+}\r\n\"version\\ NIL)\r\n") ==
          "+ Ready for the literal\\r\\n\nnamed imap_id abc\n"
          "C: * ID NIL\\r\\n1 OK ID completed\\r\\n\n");
  REQUIRE(gate("1 ID (\"name\" {3000}\r\n") == "1 BAD The arguments cannot be read\\r\\n\n");
}

TEST_CASE("the IMAP gate begins TLS, and does not look at what came behind STARTTLS") {
  REQUIRE(gate("s STARTTLS\r\n\x16\x03\x01\r\ns2 LOGIN joe pw\r\n") ==
          "s OK Begin TLS negotiation now\\r\\n\n"
          "tls \\x16\\x03\\x01\\r\\ns2 LOGIN joe pw\\r\\n\n");
  REQUIRE(gate("s STARTTLS now\r\n") == "s BAD This command takes no arguments\\r\\n\n");
}

TEST_CASE("a LOGIN whose password waits for a + is refused before the password is sent") {
  REQUIRE(gate("a LOGIN {4}\r\n") == "\nrefused LOGIN secret\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a LOGIN joe {6}\r\n") == "\nrefused LOGIN user=joe secret\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a LOGIN {3+}\r\njoe {6}\r\n") ==
          "\nrefused LOGIN user=joe secret\nC: a" + kPrivacy + "\n");
}

TEST_CASE("a password that came all the same is answered with an alert before the refusal") {
  const std::string refused =
      kAlert + "\nrefused LOGIN user=CONTOSO\\\\jdoe secret exposed\nC: a" + kPrivacy + "\n";
  for (const std::string line :
       {"a LOGIN \"CONTOSO\\\\jdoe\" \"test-only\"\r\n", "a login \"CONTOSO\\jdoe\" test-only\r\n",
        "a LOGIN CONTOSO\\jdoe test-only\r\n",
        "a LOGIN {12+}\r\nCONTOSO\\jdoe {9+}\r\ntest-only\r\n",
        "a LOGIN CONTOSO\\jdoe {9-}\r\ntest-only\r\n", "a LOGIN {12+}\r\nCONTOSO\\jdoe pw\r\n"}) {
    CAPTURE(line);
    REQUIRE(gate(line) == refused);
  }
}

TEST_CASE("no password of a refused LOGIN is taken for the next command") {
  REQUIRE(gate("a LOGIN joe {13+}\r\nx STARTTLS\r\n \r\nb NOOP\r\n") ==
          kAlert + "\nrefused LOGIN user=joe secret exposed\nC: a" + kPrivacy +
              "b OK NOOP completed\\r\\n\n");
}

TEST_CASE("a LOGIN that cannot be read shows no part of it as the name") {
  REQUIRE(gate("a LOGIN \"joe secret\r\n") ==
          kAlert + "\nrefused LOGIN secret exposed\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a LOGIN joe\tsecret\r\n") ==
          kAlert + "\nrefused LOGIN secret exposed\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a LOGIN\r\n") == "\nrefused LOGIN secret\nC: a" + kPrivacy + "\n");
}

TEST_CASE("AUTHENTICATE is refused, with an alert where its initial response was a secret") {
  REQUIRE(gate("a AUTHENTICATE PLAIN\r\n") == "\nrefused PLAIN secret\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a authenticate plain AGpkb2UAdGVzdC1vbmx5\r\n") ==
          kAlert + "\nrefused PLAIN user=jdoe secret exposed\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a AUTHENTICATE NTLM TlRMTVNTUAABAAAA\r\n") ==
          "\nrefused NTLM\nC: a" + kPrivacy + "\n");
  REQUIRE(gate("a AUTHENTICATE PLAIN {24}\r\n") == "a BAD The arguments cannot be read\\r\\n\n");
}

TEST_CASE("SASL LOGIN's initial response is a name alone, so nothing is exposed by it") {
  REQUIRE(gate("a AUTHENTICATE LOGIN amRvZQ==\r\n") ==
          "\nrefused AUTH-LOGIN user=jdoe secret\nC: a" + kPrivacy + "\n");
}

TEST_CASE("what the IMAP gate cannot read is bad, and never repeated") {
  REQUIRE(gate("\r\n") == "* BAD No tag and command in this line\\r\\n\n");
  REQUIRE(gate("* NOOP\r\n") == "* BAD No tag and command in this line\\r\\n\n");
  REQUIRE(gate("alone\r\n") == "* BAD No tag and command in this line\\r\\n\n");
  REQUIRE(gate("a NOOP\tx\r\n") == "* BAD No tag and command in this line\\r\\n\n");
  REQUIRE(gate("a SELECT {5+}\r\nINBOX\r\n") ==
          "a BAD No such command before STARTTLS and login\\r\\n\n");
  REQUIRE(gate("a SELECT {5}\r\n") == "a BAD No such command before STARTTLS and login\\r\\n\n");
}

TEST_CASE("the last command's verb is never a word of the client's own") {
  ImapGate gate(kOptions);
  Steps steps;
  REQUIRE(gate.last_command().empty());
  gate.feed("a login joe pw\r\n", steps);
  REQUIRE(gate.last_command() == "LOGIN");
  gate.feed("PASS secret\r\n", steps);
  REQUIRE(gate.last_command() == "?");
}

TEST_CASE("a bare CR, a bare LF or a NUL in a command ends the gate's session") {
  const std::string words =
      "* BYE A line may hold no bare CR, bare LF or NUL\\r\\n\nend bad_syntax\n";
  REQUIRE(gate("a NOOP\nb NOOP\r\n") == words);
  REQUIRE(gate("a NO\rOP\r\n") == words);
  REQUIRE(gate(std::string_view("a NO\0OP\r\n", 9)) == words);
}

TEST_CASE(
    "a line, or a literal, or a command with all its literals beyond the bound ends the gate") {
  const auto ends = [](std::string_view what) {
    return "\nalarm line_too_long " + std::string(what) +
           "\nC: * BYE The command is too long\\r\\n\nend line_too_long\n";
  };
  REQUIRE(gate("a NOOP " + std::string(300, 'x')) == ends("line"));
  REQUIRE(gate("a LOGIN {300+}\r\n") == ends("literal"));
  REQUIRE(gate("a LOGIN {99999999999999999999999999+}\r\n") == ends("literal"));
  REQUIRE(gate("a LOGIN {100+}\r\n" + std::string(100, 'x') + " {150+}\r\n") == ends("literal"));
  REQUIRE(gate("a LOGIN {100+}\r\n" + std::string(300, 'x') + "\r\n") == ends("command"));
}

TEST_CASE("the twenty-first bad or refused command ends the gate's session") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 21; ++i) {
    commands += "x NOSUCH\r\n";
    answers += "x BAD No such command before STARTTLS and login\\r\\n";
  }
  REQUIRE(gate(commands + "y NOOP\r\n") ==
          answers + "* BYE Too many bad commands\\r\\n\nend too_many_errors\n");
}

TEST_CASE("the hundred-and-first command ends the IMAP gate's session, however good it is") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < kMaxGateCommands; ++i) {
    commands += "x NOOP\r\n";
    answers += "x OK NOOP completed\\r\\n";
  }
  REQUIRE(gate(commands + "y STARTTLS\r\n") ==
          answers + "* BYE Too many commands before TLS\\r\\n\nend too_many_errors\n");
}

TEST_CASE("the IMAP gate's farewell ends it, and nothing follows") {
  ImapGate gate(kOptions);
  Steps steps;
  gate.farewell(Farewell::login_timeout, steps);
  REQUIRE(steps.size() == 2);
  REQUIRE(std::get<Send>(steps[0]).bytes == "* BYE The login took too long\r\n");
  REQUIRE(std::get<End>(steps[1]).cause == Cause::farewell);
  steps.clear();
  gate.feed("a NOOP\r\n", steps);
  REQUIRE(steps.empty());
}
