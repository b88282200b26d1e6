// The editing of an EHLO reply, alone.
#include "protocols/smtp_ehlo.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern::protocols;

namespace {

using Logins = EhloEdits::Logins;
using Starttls = EhloEdits::Starttls;

// Edits a list given without CRs.
std::string edit(std::string reply, Logins logins = Logins::shown,
                 Starttls starttls = Starttls::not_offered) {
  static const std::set<std::string, std::less<>> kHidden = {"VRFY", "X-EXPS", "XEXCH50"};
  for (std::size_t at = 0; (at = reply.find('\n', at)) != std::string::npos; at += 2) {
    reply.insert(at, 1, '\r');
  }
  auto text = edit_ehlo(reply, {kHidden, logins, starttls}).text;
  std::erase(text, '\r');
  return text;
}

}  // namespace

TEST_CASE("an EHLO list without anything to edit stays as it is") {
  const std::string list =
      "250-b  two spaces\n250-8bitmime\n250-X-STARTTLS\n250-STARTTLSX\n250-SIZE 5 \n250 OK\n";
  REQUIRE(edit(list) == list);
  REQUIRE(edit("250 b\n") == "250 b\n");
  REQUIRE(edit("250\n") == "250\n");
  REQUIRE(edit("250-b\n250\n") == "250-b\n250\n");
}

TEST_CASE("keywords go in any case, any form and any place, and the last line gets its space") {
  REQUIRE(edit("250-b\n250-StartTls\n250-x-anonymoustls\n250-RequireTLS\n250 OK\n") ==
          "250-b\n250 OK\n");
  REQUIRE(edit("250-b\n250-SIZE\n250 STARTTLS\n") == "250-b\n250 SIZE\n");
  REQUIRE(edit("250-b\n250-STARTTLS\n250 vrfy\n") == "250 b\n");
  REQUIRE(edit("250-b\n250-X-EXPS GSSAPI NTLM\n250-X-EXPS=LOGIN\n250-XEXCH50\n250 DSN\n") ==
          "250-b\n250 DSN\n");
  REQUIRE(edit("250-STARTTLS\n250 OK\n") == "250-STARTTLS\n250 OK\n");  // a host's name
  REQUIRE(edit("250-b\n250-STARTTLS\tx\n250 OK\n") == "250-b\n250 OK\n");
}

TEST_CASE("mechanisms that cannot work through a proxy go from AUTH and AUTH= alike") {
  REQUIRE(edit("250-b\n250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL PLAIN\n"
               "250 AUTH=SCRAM-SHA-256-plus scram-sha-256 External PLAIN\n") ==
          "250-b\n250-AUTH SCRAM-SHA-256 PLAIN\n250 AUTH=scram-sha-256 PLAIN\n");
  REQUIRE(edit("250-b\n250 AUTH=EXTERNAL X-PLUS LOGIN\n") == "250-b\n250 AUTH=LOGIN\n");
  REQUIRE(edit("250-b\n250-AUTH  LOGIN   PLAIN EXTERNAL \n250 auth EXTERNALS PLUS\n") ==
          "250-b\n250-AUTH  LOGIN   PLAIN \n250 auth EXTERNALS PLUS\n");
}

TEST_CASE("an AUTH line that lost all it had goes, one that had nothing stays") {
  REQUIRE(edit("250-b\n250-AUTH EXTERNAL\n250-AUTH=EXTERNAL\n250 DSN\n") == "250-b\n250 DSN\n");
  REQUIRE(edit("250-b\n250-AUTH\n250-AUTH=\n250 AUTH \n") ==
          "250-b\n250-AUTH\n250-AUTH=\n250 AUTH \n");
}

TEST_CASE("where logins are hidden every AUTH line goes") {
  REQUIRE(edit("250-b\n250-AUTH LOGIN\n250-AUTH=LOGIN\n250-AUTH\n250 DSN\n", Logins::hidden) ==
          "250-b\n250 DSN\n");
}

TEST_CASE("an offer of STARTTLS comes behind the first line, once") {
  REQUIRE(edit("250-b\n250-starttls\n250 OK\n", Logins::shown, Starttls::offered) ==
          "250-b\n250-STARTTLS\n250 OK\n");
  REQUIRE(edit("250 b\n", Logins::shown, Starttls::offered) == "250-b\n250 STARTTLS\n");
  REQUIRE(edit("250\n", Logins::shown, Starttls::offered) == "250-\n250 STARTTLS\n");
  REQUIRE(edit("250-b\n250-AUTH PLAIN\n250 AUTH=PLAIN\n", Logins::hidden, Starttls::offered) ==
          "250-b\n250 STARTTLS\n");
}

TEST_CASE("CHUNKING is seen where it is offered, in any case, and only as a whole word") {
  const std::set<std::string, std::less<>> none;
  const std::set<std::string, std::less<>> hides_it = {"CHUNKING"};
  REQUIRE(edit_ehlo("250-b\r\n250 chunking\r\n", {none}).chunking);
  REQUIRE_FALSE(edit_ehlo("250-b\r\n250 CHUNKINGS\r\n", {none}).chunking);
  REQUIRE_FALSE(edit_ehlo("250 CHUNKING\r\n", {none}).chunking);
  REQUIRE_FALSE(edit_ehlo("250-b\r\n250 CHUNKING\r\n", {hides_it}).chunking);
}
