// POP3 before TLS on a `required` listener: whole transcripts.
#include "protocols/pop3_gate.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "protocols/gate_bounds.h"
#include "test/support/cutter.h"

using namespace postern;
using namespace postern::protocols;

namespace {

const Options& options() {
  static const Options kOptions = [] {
    Options made;
    made.hostname = "mail.example.com";
    made.line_length = 200;
    return made;
  }();
  return kOptions;
}

const std::string kGreeting = "C: +OK POP3 mail.example.com ready\\r\\n";
const std::string kNeedsTls =
    "-ERR [AUTH] Logins need encryption here: "
    "turn on SSL/TLS or STARTTLS in your mail program\\r\\n";
const std::string kNotBefore = "-ERR Command not permitted before STLS\\r\\n";

std::string whole_steps(std::string_view bytes) {
  return test::run([] { return std::make_unique<Pop3Gate>(options()); }, bytes);
}

// Without the line on the order of commands, which most tests are not about.
std::string steps(std::string_view bytes) {
  auto text = whole_steps(bytes);
  const auto at = text.find("named commands ");
  if (at != std::string::npos) text.erase(at, text.find('\n', at) + 1 - at);
  return text;
}

}  // namespace

TEST_CASE("the gate lists STLS and nothing that logs in, answers NOOP and QUIT") {
  REQUIRE(steps("CAPA\r\nnoop\r\nQUIT\r\n") ==
          kGreeting + "+OK Capability list follows\\r\\nSTLS\\r\\nRESP-CODES\\r\\n.\\r\\n" +
              "+OK\\r\\n+OK Goodbye\\r\\n\nend client_quit\n");
}

TEST_CASE("STLS begins TLS, and what stands behind it goes to TLS byte for byte") {
  REQUIRE(steps("stls\r\nUSER a\r\nPASS b\r\n\x16\x03") ==
          kGreeting + "+OK Begin TLS negotiation\\r\\n\ntls USER a\\r\\nPASS b\\r\\n\\x16\\x03\n");
}

TEST_CASE("STLS with an argument is refused and the session goes on") {
  REQUIRE(steps("STLS now\r\nSTLS \r\n") ==
          kGreeting + "-ERR STLS takes no argument\\r\\n+OK Begin TLS negotiation\\r\\n\ntls \n");
}

TEST_CASE("USER is refused before the password, and a PASS behind it is the same try") {
  REQUIRE(steps("USER CONTOSO\\jdoe\r\nPASS test-only\r\n") ==
          kGreeting + "\nrefused USER user=CONTOSO\\\\jdoe secret\nC: " + kNeedsTls + kNeedsTls +
              "\n");
}

TEST_CASE("a PASS without USER was exposed, and so is each further one") {
  REQUIRE(steps("PASS test-only\r\n") ==
          kGreeting + "\nrefused USER secret exposed\nC: " + kNeedsTls + "\n");
  REQUIRE(steps("USER a\r\nPASS b\r\nPASS c\r\n") ==
          kGreeting + "\nrefused USER user=a secret\nC: " + kNeedsTls + kNeedsTls +
              "\nrefused USER secret exposed\nC: " + kNeedsTls + "\n");
}

TEST_CASE("APOP and AUTH are refused, exposed where the secret itself came along") {
  REQUIRE(steps("APOP jdoe c4c9334bac560ecc979e58001b3e22fb\r\n") ==
          kGreeting + "\nrefused APOP user=jdoe\nC: " + kNeedsTls + "\n");
  REQUIRE(steps("AUTH PLAIN\r\n") == kGreeting + "\nrefused PLAIN secret\nC: " + kNeedsTls + "\n");
  REQUIRE(steps("AUTH plain AGpkb2UAdGVzdC1vbmx5\r\n") ==
          kGreeting + "\nrefused PLAIN user=jdoe secret exposed\nC: " + kNeedsTls + "\n");
  REQUIRE(steps("AUTH LOGIN amRvZQ==\r\n") ==
          kGreeting + "\nrefused AUTH-LOGIN user=jdoe secret\nC: " + kNeedsTls + "\n");
  REQUIRE(steps("AUTH PLAIN =\r\n") ==
          kGreeting + "\nrefused PLAIN secret\nC: " + kNeedsTls + "\n");
}

TEST_CASE("a bare AUTH, a secret sent as a command, and all else get -ERR and are no login") {
  REQUIRE(steps("AUTH\r\n") == kGreeting + kNeedsTls + "\n");
  REQUIRE(steps("AGpkb2UAdGVzdC1vbmx5\r\nSTAT\r\nXCLIENT ADDR=1\r\n\r\n") ==
          kGreeting + kNotBefore + kNotBefore + kNotBefore + kNotBefore + "\n");
}

TEST_CASE("a bare CR, a bare LF or a NUL ends the gate with its own words") {
  for (const std::string_view line :
       {std::string_view("NOOP\n"), std::string_view("NO\rOP\r\n"),
        std::string_view("NO\0P\r\n", 6), std::string_view("STLS\nUSER a\r\n")}) {
    REQUIRE(steps(line) == kGreeting + "-ERR Malformed command line\\r\\n\nend bad_syntax\n");
  }
}

TEST_CASE("a line of the limit passes, a longer one ends the gate whether it ends or not") {
  REQUIRE(steps(std::string(198, 'a') + "\r\n") == kGreeting + kNotBefore + "\n");
  for (const auto* ending : {"\r\n", ""}) {
    REQUIRE(steps(std::string(201, 'a') + ending) ==
            kGreeting +
                "\nalarm line_too_long command\nC: -ERR Command line too long\\r\\n\n"
                "end line_too_long\n");
  }
}

TEST_CASE("twenty refused commands are answered, the next one ends the gate") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 20; ++i) {
    commands += "STAT\r\n";
    answers += kNotBefore;
  }
  REQUIRE(steps(commands + "NOOP\r\n") == kGreeting + answers + "+OK\\r\\n\n");
  REQUIRE(steps(commands + "STAT\r\nNOOP\r\n") ==
          kGreeting + answers +
              "-ERR Too many refused commands, goodbye\\r\\n\n"
              "end too_many_errors\n");
}

TEST_CASE("a hundred commands are answered, the next one ends the POP3 gate") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < kMaxGateCommands; ++i) {
    commands += "NOOP\r\n";
    answers += "+OK\\r\\n";
  }
  REQUIRE(steps(commands) == kGreeting + answers + "\n");
  REQUIRE(steps(commands + "STLS\r\n") == kGreeting + answers +
                                              "-ERR Too many commands before TLS, goodbye\\r\\n\n"
                                              "end too_many_errors\n");
}

TEST_CASE("the gate says farewell in POP3's words and knows the last verb, never a password") {
  Pop3Gate gate(options());
  Steps out;
  gate.greet(out);
  REQUIRE(gate.last_command().empty());
  gate.feed("NOOP\r\nhunter2\r\n", out);
  REQUIRE(gate.last_command() == "?");
  gate.feed("noop\r\n", out);
  REQUIRE(gate.last_command() == "NOOP");
  out.clear();
  gate.farewell(Farewell::login_timeout, out);
  REQUIRE(out.size() == 2);
  REQUIRE(std::get<Send>(out[0]).bytes == "-ERR Nobody logged in for too long, goodbye\r\n");
  REQUIRE(std::get<End>(out[1]).cause == Cause::farewell);
}

TEST_CASE("the gate tells the order of commands at the first refused login, and once") {
  const auto text = whole_steps("CAPA\r\nx y\r\nUSER a\r\nPASS b\r\nUSER c\r\n");
  REQUIRE(text.find("named commands CAPA ? USER\nrefused USER user=a secret\n") !=
          std::string::npos);
  REQUIRE(text.find("named", text.find("named") + 1) == std::string::npos);
}
