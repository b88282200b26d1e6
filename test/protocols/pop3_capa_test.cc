// What a POP3 client is shown of the backend's lists, and how command lines are taken apart.
#include "protocols/pop3_capa.h"

#include <catch2/catch.hpp>

#include "protocols/pop3_command.h"

using namespace postern::protocols;

namespace {

constexpr Pop3Offer kUnderTls{};
constexpr Pop3Offer kStls{Upgrade::offered, CleartextLogins::offered};
constexpr Pop3Offer kStlsFirst{Upgrade::offered, CleartextLogins::not_offered};

}  // namespace

TEST_CASE("a list with nothing to change stays byte for byte") {
  const std::string reply =
      "+OK  here it is\r\nTOP\r\n user\r\nSASL  PLAIN  LOGIN \r\nSASL\r\nX-OWN "
      "<a@b>\nUIDL\r\n.\r\n";
  REQUIRE(edit_pop3_capa(reply, kUnderTls) == reply);
}

TEST_CASE("the backend's STLS goes in any case and number, postern's stands once in its place") {
  const std::string reply = "+OK\r\nTOP\r\nstls\r\nUSER\r\nSTLS\r\nSTLSX\r\n.\r\n";
  REQUIRE(edit_pop3_capa(reply, kUnderTls) == "+OK\r\nTOP\r\nUSER\r\nSTLSX\r\n.\r\n");
  REQUIRE(edit_pop3_capa(reply, kStls) == "+OK\r\nTOP\r\nSTLS\r\nUSER\r\nSTLSX\r\n.\r\n");
  REQUIRE(edit_pop3_capa("+OK\r\nTOP\r\n.\r\n", kStls) == "+OK\r\nTOP\r\nSTLS\r\n.\r\n");
  REQUIRE(edit_pop3_capa("+OK\r\n.\r\n", kStls) == "+OK\r\nSTLS\r\n.\r\n");
}

TEST_CASE("mechanisms that cannot pass go from SASL, and the line with the last of them") {
  const auto sasl = [](const std::string& line) {
    return edit_pop3_capa("+OK\r\n" + line + ".\r\n", kUnderTls);
  };
  REQUIRE(sasl("SASL SCRAM-SHA-256-PLUS PLAIN external Scram-Sha-1-Plus NTLM\r\n") ==
          "+OK\r\nSASL PLAIN NTLM\r\n.\r\n");
  REQUIRE(sasl("SASL EXTERNAL SCRAM-SHA-1-PLUS\r\n") == "+OK\r\n.\r\n");
  REQUIRE(sasl("SASL\r\n") == "+OK\r\nSASL\r\n.\r\n");
  REQUIRE(sasl("SASL X-PLUSH PLUS -PLUSX\r\n") == "+OK\r\nSASL X-PLUSH PLUS -PLUSX\r\n.\r\n");
}

TEST_CASE("where logins need TLS, USER, SASL and APOP go, and words that only contain them stay") {
  REQUIRE(
      edit_pop3_capa("+OK\r\nUSER\r\nsasl PLAIN\r\nAPOP\r\nEXPIRE 31 USER\r\nUTF8 USER\r\n.\r\n",
                     kStlsFirst) == "+OK\r\nEXPIRE 31 USER\r\nUTF8 USER\r\nSTLS\r\n.\r\n");
}

TEST_CASE("XCLIENT and XOIP are never listed") {
  REQUIRE(edit_pop3_capa("+OK\r\nXCLIENT ADDR PORT\r\nxoip\r\nTOP\r\n.\r\n", kUnderTls) ==
          "+OK\r\nTOP\r\n.\r\n");
}

TEST_CASE("an AUTH list loses the same mechanisms and nothing else") {
  REQUIRE(
      edit_pop3_auth_list("+OK list\r\nNTLM\r\nEXTERNAL\r\nSCRAM-SHA-1-PLUS\r\n PLAIN\r\n.\r\n") ==
      "+OK list\r\nNTLM\r\n PLAIN\r\n.\r\n");
}

TEST_CASE("APOP's timestamp goes wherever it stands, all other text stays") {
  REQUIRE(without_apop_timestamp("+OK <878968.26932@localhost>, POP3 server ready.\r\n") ==
          "+OK , POP3 server ready.\r\n");
  REQUIRE(without_apop_timestamp("+OK ready  <1.2@foo>\r\n") == "+OK ready  \r\n");
  REQUIRE(without_apop_timestamp("+OK <a@b> and <c@d>\r\n") == "+OK  and \r\n");
  for (const auto* line : {"+OK a < b\r\n", "+OK a > b\r\n", "+OK > <\r\n", ""})
    REQUIRE(without_apop_timestamp(line) == line);
}

TEST_CASE("a POP3 verb is known in any case and behind blanks, an unknown one is never shown") {
  const auto user = parse_pop3_command(" uSeR  Jane Doe \r\n");
  REQUIRE((user.verb == Pop3Verb::user && user.name == "USER" && user.argument == "Jane Doe"));
  const auto tab = parse_pop3_command("AUTH\tPLAIN\n");
  REQUIRE((tab.verb == Pop3Verb::auth && tab.argument == "PLAIN"));
  // Servers whose isspace() takes it so would log in, or take a name, that nobody judged.
  const auto odd = parse_pop3_command("\fUSER\vjoe\r\n");
  REQUIRE((odd.verb == Pop3Verb::user && odd.argument == "joe"));
  for (const auto* line : {"AGpkb2UAdGVzdC1vbmx5\r\n", "\r\n", "   \r\n", "USERX a\r\n", ""}) {
    const auto command = parse_pop3_command(line);
    REQUIRE((command.verb == Pop3Verb::other && command.name == "?"));
  }
}

TEST_CASE("AUTH's argument: mechanism, initial response, an empty one, and fetchmail's MSN") {
  REQUIRE(split_pop3_auth("PLAIN").response == std::nullopt);
  REQUIRE(split_pop3_auth("PLAIN =").response == "");
  REQUIRE(split_pop3_auth("PLAIN  AGpk").response == "AGpk");
  REQUIRE(split_pop3_auth("msn").mechanism == "NTLM");
}

TEST_CASE("a reply's status is its first word") {
  REQUIRE(pop3_status("+OK\r\n") == Pop3Status::ok);
  REQUIRE(pop3_status("+ok ready\n") == Pop3Status::ok);
  REQUIRE(pop3_status("-ERR [AUTH] no\r\n") == Pop3Status::error);
  REQUIRE(pop3_status("+\r\n") == Pop3Status::go_on);
  REQUIRE(pop3_status("+ OK\r\n") == Pop3Status::go_on);
  REQUIRE(pop3_status("+ TlRM\r\n") == Pop3Status::go_on);
  for (const auto* line : {"+OKAY\r\n", "+ERR\r\n", "-ERROR\r\n", "\r\n", " +OK\r\n", "OK\r\n"})
    REQUIRE(pop3_status(line) == Pop3Status::none);
}
