// What an IMAP backend says: reading it, and editing capability lists and referrals.
#include "protocols/imap_response.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/protocols/imap_play.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

std::string before(std::string_view line, const Conditions& conditions) {
  return edit_response(line, conditions, ListMoment::before_login);
}

std::string answer(std::string_view line, const Conditions& conditions) {
  return edit_response(line, conditions, ListMoment::login_answer);
}

}  // namespace

TEST_CASE("a backend's line is known by its beginning") {
  using Kind = ImapResponse::Kind;
  REQUIRE(read_response("* OK ready\r\n").kind == Kind::untagged);
  REQUIRE(read_response("* OK ready\r\n").status == ImapStatus::ok);
  REQUIRE(read_response("* preauth x\r\n").status == ImapStatus::preauth);
  REQUIRE(read_response("* Too many invalid logon attempts.\r\n").status == ImapStatus::none);
  REQUIRE(read_response("+\r\n").kind == Kind::continuation);
  REQUIRE(read_response("+ aGk=\r\n").kind == Kind::continuation);
  REQUIRE(read_response("? OK x\r\n").kind == Kind::tagged);
  REQUIRE(read_response("? OK x\r\n").tag == "?");
  REQUIRE(read_response("1 NO\r\n").status == ImapStatus::no);
  REQUIRE(read_response("1\n").tag == "1");
  REQUIRE(read_response(" BAD NULL COMMAND\r\n").kind == Kind::stray);
  REQUIRE(read_response("\r\n").kind == Kind::stray);
}

TEST_CASE("under TLS the backend's STARTTLS and LOGINDISABLED go, wherever the list stands") {
  REQUIRE(before("* CAPABILITY IMAP4 StartTLS  LoginDisabled AUTH=PLAIN\r\n", kTls) ==
          "* CAPABILITY IMAP4 AUTH=PLAIN\r\n");
  REQUIRE(before("* OK [CAPABILITY STARTTLS IMAP4rev1 LOGINDISABLED] hi\r\n", kTls) ==
          "* OK [CAPABILITY IMAP4rev1] hi\r\n");
  REQUIRE(before("a1 ok [capability IMAP4rev1 STARTTLS]\r\n", kTls) ==
          "a1 ok [capability IMAP4rev1]\r\n");
  REQUIRE(before("* capability STARTTLS\r\n", kTls) == "* capability\r\n");
}

TEST_CASE("what cannot work through a proxy goes from every list") {
  for (const auto& conditions : {kTls, kClearAllowed, kNoTls}) {
    const auto line = before(
        "* CAPABILITY IMAP4rev1 LOGIN-REFERRALS AUTH=SCRAM-SHA-1 AUTH=scram-sha-1-plus "
        "mailbox-referrals AUTH=EXTERNAL UNAUTHENTICATE AUTH=EXTERNALX X-PLUS IDLE\r\n",
        conditions);
    const std::string added = conditions.upgrade == Upgrade::offered ? " STARTTLS" : "";
    REQUIRE(line ==
            "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=EXTERNALX X-PLUS IDLE" + added + "\r\n");
  }
}

TEST_CASE("in clear STARTTLS shows only where postern offers it, and where it stood") {
  const std::string line = "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED IDLE\r\n";
  REQUIRE(before(line, kClearAllowed) == line);
  REQUIRE(before(line, kNoTls) == "* CAPABILITY IMAP4rev1 LOGINDISABLED IDLE\r\n");
  REQUIRE(before("* CAPABILITY IMAP4rev1 IDLE \r\n", kClearAllowed) ==
          "* CAPABILITY IMAP4rev1 IDLE STARTTLS \r\n");
}

TEST_CASE("where clear logins are refused no mechanism shows, and LOGINDISABLED does, once") {
  REQUIRE(before("* CAPABILITY IMAP4rev1 AUTH=PLAIN auth=ntlm SASL-IR\r\n", kClearRefused) ==
          "* CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED\r\n");
  REQUIRE(before("* OK [CAPABILITY LOGINDISABLED IMAP4rev1] x\r\n", kClearRefused) ==
          "* OK [CAPABILITY LOGINDISABLED IMAP4rev1 STARTTLS] x\r\n");
  REQUIRE(before("* OK [CAPABILITY] x\r\n", kClearRefused) ==
          "* OK [CAPABILITY STARTTLS LOGINDISABLED] x\r\n");
}

TEST_CASE("the login's answer is taken from, and nothing is added to it") {
  const std::string line =
      "a OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN MAILBOX-REFERRALS] in\r\n";
  for (const auto& conditions : {kTls, kClearRefused, kClearAllowed, kNoTls}) {
    REQUIRE(answer(line, conditions) == "a OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] in\r\n");
  }
}

TEST_CASE("a referral's code is cut out of any status line, and nothing else of it") {
  REQUIRE(answer("? OK [REFERRAL imap://redmond%2Freedl%2Fimapf;AUTH=*@reedlm1.reedlm1.com] LOGIN "
                 "completed\r\n",
                 kTls) == "? OK LOGIN completed\r\n");
  REQUIRE(before("a NO [referral imap://[2001:db8::1]/x] elsewhere [y] z\r\n", kTls) ==
          "a NO elsewhere [y] z\r\n");
  REQUIRE(before("* BYE [REFERRAL imap://x/]\r\n", kTls) == "* BYE \r\n");
  REQUIRE(before("a NO [REFERRAL imap://x/\r\n", kTls) == "a NO \r\n");
  REQUIRE(before("a OK [REFERRAL imap://x/]done\r\n", kTls) == "a OK done\r\n");
}

TEST_CASE("only a bracket directly behind the status word is a response code") {
  for (const std::string line :
       {"* OK The Microsoft Exchange IMAP4 service is ready. [TQBXAEgAUABSADIAMQ]\r\n",
        "* OK text [CAPABILITY STARTTLS] more\r\n", "* OK text [REFERRAL imap://x/]\r\n",
        "a NO [AUTHENTICATIONFAILED] STARTTLS [REFERRAL x]\r\n", "* CAPABILITYX STARTTLS\r\n",
        "a CAPABILITY STARTTLS\r\n", "* LIST () [REFERRAL x]\r\n",
        "* OK [CAPABILITYX STARTTLS]\r\n", "* OK [ALERT] x STARTTLS\r\n", "1 NO\r\n", "1 NO \r\n",
        "* OK\r\n", "*\r\n", "* \r\n"}) {
    CAPTURE(line);
    REQUIRE(before(line, kTls) == line);
  }
}

TEST_CASE("a line's own end is kept, and octets beyond ASCII are") {
  REQUIRE(before("* CAPABILITY IMAP4 STARTTLS\n", kTls) == "* CAPABILITY IMAP4\n");
  const std::string line = "* OK Der Server steht zur Verf\xfcgung.\r\n";
  REQUIRE(before(line, kClearRefused) == line);
}

TEST_CASE("a capability code without an end is edited to the line's end") {
  REQUIRE(before("* OK [CAPABILITY IMAP4 STARTTLS\r\n", kTls) == "* OK [CAPABILITY IMAP4\r\n");
}
