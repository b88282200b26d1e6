// SMTP before TLS: what the gate answers, what it refuses, how it ends.
#include "protocols/smtp_gate.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "protocols/gate_bounds.h"
#include "test/support/cutter.h"

using namespace postern::protocols;

namespace {

const Options& options() {
  static const Options made = [] {
    Options filled;
    filled.hostname = "gate.example";
    filled.line_length = 200;
    return filled;
  }();
  return made;
}

// The whole conversation, the greeting left out.
std::string play(std::string_view client) {
  const auto text =
      postern::test::run([] { return std::make_unique<SmtpGate>(options()); }, client);
  const std::string greeting = "C: 220 gate.example ESMTP\\r\\n";
  REQUIRE(text.starts_with(greeting));
  // What is said to the client next is joined to the greeting.
  const auto rest = text.substr(greeting.size());
  return rest.starts_with("\n") ? rest.substr(1) : "C: " + rest;
}

}  // namespace

TEST_CASE("the gate greets with its host name and answers what needs no TLS") {
  REQUIRE(play("") == "");
  REQUIRE(play("EHLO [192.0.2.7]\r\n") ==
          "named ehlo [192.0.2.7]\n"
          "C: 250-gate.example\\r\\n250-ENHANCEDSTATUSCODES\\r\\n250 STARTTLS\\r\\n\n");
  REQUIRE(play("helo pc17\r\n") == "named ehlo pc17\nC: 250 gate.example\\r\\n\n");
  REQUIRE(play("HELO\r\n") == "C: 250 gate.example\\r\\n\n");
  REQUIRE(play("NOOP\r\nnoop ignored words\r\n") == "C: 250 2.0.0 OK\\r\\n250 2.0.0 OK\\r\\n\n");
  REQUIRE(play("RSET\r\n") == "C: 250 2.0.0 OK\\r\\n\n");
  REQUIRE(play("HELP\r\n") == "C: 214 2.0.0 EHLO HELO STARTTLS NOOP RSET HELP QUIT\\r\\n\n");
  REQUIRE(play("QUIT\r\nNOOP\r\n") == "C: 221 2.0.0 Bye\\r\\n\nend client_quit\n");
}

TEST_CASE("the gate refuses all else with 530 and goes on") {
  for (const std::string command :
       {"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", "BDAT 5 LAST", "VRFY root",
        "XCLIENT ADDR=192.0.2.1", "X-ANONYMOUSTLS", "XYZZY", "", " ", "\x16\x03\x01"}) {
    INFO(command);
    REQUIRE(play(command + "\r\nNOOP\r\n") ==
            "C: 530 5.7.0 Must issue a STARTTLS command first\\r\\n250 2.0.0 OK\\r\\n\n");
  }
}

TEST_CASE("STARTTLS begins TLS, and what lies behind it is TLS's alone") {
  REQUIRE(play("STARTTLS\r\n") == "C: 220 2.0.0 Ready to start TLS\\r\\n\ntls \n");
  REQUIRE(play("starttls \r\nEHLO x\r\nMAIL") ==
          "C: 220 2.0.0 Ready to start TLS\\r\\n\ntls EHLO x\\r\\nMAIL\n");
  REQUIRE(play("STARTTLS now\r\nNOOP\r\n") ==
          "C: 501 5.5.4 STARTTLS takes no argument\\r\\n250 2.0.0 OK\\r\\n\n");
}

TEST_CASE("the gate refuses a login and says whether a secret was exposed") {
  const std::string refusal = "C: 530 5.7.0 Must issue a STARTTLS command first\\r\\n\n";
  REQUIRE(play("AUTH PLAIN\r\n") == "refused PLAIN secret\n" + refusal);
  REQUIRE(play("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n") ==
          "refused PLAIN user=jdoe secret exposed\n" + refusal);
  REQUIRE(play("AUTH PLAIN =\r\n") == "refused PLAIN secret\n" + refusal);
  REQUIRE(play("auth login amRvZQ==\r\n") == "refused AUTH-LOGIN user=jdoe secret\n" + refusal);
  REQUIRE(play("AUTH NTLM\r\n") == "refused NTLM\n" + refusal);
  REQUIRE(play("AUTH\r\n") == refusal);
}

TEST_CASE("after twenty refused commands the gate sends a client away") {
  std::string commands;
  std::string expected = "C: ";
  for (int i = 0; i < kMaxRefusedCommands; ++i) {
    commands += "RCPT TO:<x>\r\n";
    expected += "530 5.7.0 Must issue a STARTTLS command first\\r\\n";
  }
  REQUIRE(play(commands + "NOOP\r\n") == expected + "250 2.0.0 OK\\r\\n\n");
  REQUIRE(play(commands + "RCPT TO:<x>\r\nSTARTTLS\r\n") ==
          expected + "421 4.7.0 Too many errors, closing connection\\r\\n\nend too_many_errors\n");
}

TEST_CASE("after a hundred commands the SMTP gate sends a client away, however good they were") {
  std::string commands;
  std::string expected = "C: ";
  for (int i = 0; i < kMaxGateCommands; ++i) {
    commands += "NOOP\r\n";
    expected += "250 2.0.0 OK\\r\\n";
  }
  REQUIRE(play(commands) == expected + "\n");
  REQUIRE(play(commands + "STARTTLS\r\n") ==
          expected + "421 4.7.0 Too many commands before TLS, closing connection\\r\\n\n" +
              "end too_many_errors\n");
}

TEST_CASE("the gate ends at a bare CR, a bare LF and a NUL") {
  for (const std::string& line :
       {std::string("NOOP\n"), std::string("NO\rOP\r\n"), std::string("NOOP\r\r\n"),
        std::string("NO\0OP\r\n", 7), std::string("\n")}) {
    INFO(postern::test::printable(line));
    REQUIRE(play(line + "QUIT\r\n") ==
            "C: 500 5.5.2 Bare CR, bare LF or NUL in a command, closing connection\\r\\n\n"
            "end bad_syntax\n");
  }
}

TEST_CASE("the gate ends at a line over the limit, ended or not") {
  const std::string over =
      "alarm line_too_long command\nC: 500 5.5.2 Line too long, closing connection\\r\\n\n"
      "end line_too_long\n";
  REQUIRE(play("NOOP " + std::string(193, 'x') + "\r\n") == "C: 250 2.0.0 OK\\r\\n\n");
  REQUIRE(play("NOOP " + std::string(194, 'x') + "\r\n") == over);
  REQUIRE(play("NOOP " + std::string(500, 'x')) == over);
}

TEST_CASE("the gate says each farewell as a 421") {
  for (const auto why :
       {Farewell::backend_unreachable, Farewell::backend_lost, Farewell::shutting_down,
        Farewell::login_timeout, Farewell::idle_timeout, Farewell::too_many_connections,
        Farewell::out_of_resources, Farewell::tls_on_clear_port, Farewell::clear_on_tls_port,
        Farewell::old_tls_1_0, Farewell::old_tls_1_1, Farewell::old_tls_1_2}) {
    SmtpGate gate(options());
    Steps steps;
    gate.farewell(why, steps);
    REQUIRE(steps.size() == 2);
    REQUIRE(std::get<Send>(steps[0]).bytes == smtp_farewell(why, options()));
    REQUIRE(std::get<Send>(steps[0]).bytes.starts_with("421 4."));
    REQUIRE(std::get<End>(steps[1]).cause == Cause::farewell);
    steps.clear();
    gate.feed("NOOP\r\n", steps);
    gate.farewell(why, steps);
    REQUIRE(steps.empty());
  }
}

TEST_CASE("the gate names the last command, but never a word that could be a secret") {
  SmtpGate gate(options());
  Steps steps;
  REQUIRE(gate.last_command().empty());
  gate.feed("ehlo x\r\n", steps);
  REQUIRE(gate.last_command() == "EHLO");
  gate.feed("HUNTER2\r\n", steps);
  REQUIRE(gate.last_command() == "?");
  gate.feed("vrfy root\r\n", steps);
  REQUIRE(gate.last_command() == "VRFY");
}
