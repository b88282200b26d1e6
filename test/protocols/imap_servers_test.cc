// Every IMAP server known from the field, through the dialogue, in every condition.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "test/protocols/imap_play.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

struct Named {
  std::string name;
  Conditions conditions;
};

const std::vector<Named> kAll = {{"tls", kTls},
                                 {"clear, logins refused", kClearRefused},
                                 {"clear, logins allowed", kClearAllowed},
                                 {"no tls", kNoTls}};

nlohmann::json servers() {
  std::ifstream file(postern::test::source_dir() + "/test/data/servers_imap.json");
  return nlohmann::json::parse(file)["servers"];
}

nlohmann::json server(const std::string& id) {
  for (const auto& one : servers()) {
    if (one["id"] == id) return one;
  }
  FAIL("no server " << id);
  return {};
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

// What `* CAPABILITY list` becomes.
std::string list_shown(const std::string& list, const Conditions& conditions) {
  const auto text = play_greeted(conditions, {backend("* CAPABILITY " + list + "\r\n")});
  const std::string head = "C: * CAPABILITY ";
  REQUIRE(text.starts_with(head));
  REQUIRE(text.ends_with("\\r\\n\n"));
  return text.substr(head.size(), text.size() - head.size() - 5);
}

std::string greeting_shown(const std::string& greeting, const Conditions& conditions) {
  const auto text = play(conditions, {backend(greeting + "\r\n")});
  REQUIRE(text.starts_with("C: "));
  REQUIRE(text.ends_with("\\r\\n\n"));
  return text.substr(3, text.size() - 8);
}

}  // namespace

TEST_CASE("every server's list comes through without what cannot work, all else in its order") {
  for (const auto& one : servers()) {
    for (const auto& [when, list] : one["lists"].items()) {
      for (const auto& [name, conditions] : kAll) {
        CAPTURE(one["id"].get<std::string>(), when, name);
        const auto original = words(list);
        const auto shown = words(list_shown(list, conditions));
        const std::set<std::string> set(shown.begin(), shown.end());
        const bool clear = conditions.transport == Transport::cleartext;
        REQUIRE(set.contains("STARTTLS") == (conditions.upgrade == Upgrade::offered));
        REQUIRE_FALSE(set.contains("LOGIN-REFERRALS"));
        REQUIRE_FALSE(set.contains("MAILBOX-REFERRALS"));
        if (!clear) REQUIRE_FALSE(set.contains("LOGINDISABLED"));
        const bool refused = clear && conditions.cleartext_logins == CleartextLogins::not_offered;
        if (refused) REQUIRE(set.contains("LOGINDISABLED"));
        for (const auto& word : shown) REQUIRE_FALSE((refused && word.starts_with("AUTH=")));
        // What is in both lists stands in the same order; what is gone had a reason.
        std::size_t at = 0;
        for (const auto& word : original) {
          if (at < shown.size() && shown[at] == word) {
            ++at;
            continue;
          }
          REQUIRE((word == "STARTTLS" || word == "LOGINDISABLED" || word == "LOGIN-REFERRALS" ||
                   word == "MAILBOX-REFERRALS" || (refused && word.starts_with("AUTH="))));
        }
        for (; at < shown.size(); ++at) {
          REQUIRE((shown[at] == "STARTTLS" || shown[at] == "LOGINDISABLED"));
        }
      }
    }
  }
}

TEST_CASE("every server's greeting without a list passes as it is") {
  for (const auto& one : servers()) {
    for (const std::string greeting : one["greetings"]) {
      if (greeting.find("[CAPABILITY") != std::string::npos) continue;
      for (const auto& [name, conditions] : kAll) {
        CAPTURE(greeting, name);
        REQUIRE(greeting_shown(greeting, conditions) == printable(greeting));
      }
    }
  }
}

TEST_CASE("every server's notable reply passes, with no referral in it") {
  for (const auto& one : servers()) {
    for (const auto& reply : one["replies"]) {
      const std::string line = reply["line"];
      if (line.find("[CAPABILITY") != std::string::npos || line.starts_with("+")) continue;
      CAPTURE(line);
      auto expected = line;
      if (const auto code = line.find("[REFERRAL"); code != std::string::npos) {
        expected.erase(code, line.find("] ") + 2 - code);
      }
      const bool tagged = line[0] != '*' && line[0] != ' ';
      const auto command = line.substr(0, line.find(' ')) + " XFOO";
      const auto text = tagged
                            ? play_greeted(kTls, {client(command + "\r\n"), backend(line + "\r\n")})
                            : play_greeted(kTls, {backend(line + "\r\n")});
      REQUIRE(text == (tagged ? "B: " + command + "\\r\\n\n" : "") + "C: " + printable(expected) +
                          "\\r\\n\n");
    }
  }
}

TEST_CASE("Exchange 2003 loses its referrals") {
  REQUIRE(list_shown(server("ex2003-imap")["lists"]["before"], kTls) ==
          "IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ UIDPLUS CHILDREN");
  REQUIRE(list_shown(server("ex2003-imap")["lists"]["before"], kClearRefused) ==
          "IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ UIDPLUS CHILDREN STARTTLS LOGINDISABLED");
}

TEST_CASE(
    "Exchange 2010 shows its mechanisms under TLS, and none in clear where they are refused") {
  const std::string list = server("ex2010-imap")["lists"]["before_tls"];
  REQUIRE(list_shown(list, kTls) ==
          "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN IDLE NAMESPACE LITERAL+");
  REQUIRE(list_shown(list, kClearRefused) ==
          "IMAP4 IMAP4rev1 STARTTLS IDLE NAMESPACE LITERAL+ LOGINDISABLED");
  REQUIRE(list_shown(list, kClearAllowed) == list);
  REQUIRE(list_shown(list, kNoTls) ==
          "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN IDLE NAMESPACE LITERAL+");
}

TEST_CASE("Exchange 2013's own LOGINDISABLED goes under TLS and stays in clear") {
  const std::string list = server("ex2013-imap")["lists"]["before_tls"];
  REQUIRE(list_shown(list, kTls) ==
          "IMAP4 IMAP4rev1 UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+");
  REQUIRE(list_shown(list, kClearAllowed) == list);
  REQUIRE(list_shown(list, kNoTls) ==
          "IMAP4 IMAP4rev1 LOGINDISABLED UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+");
}

TEST_CASE("Exchange's lone + passes as it is, and its refusal is the login's answer") {
  REQUIRE(play_greeted(kTls, {client("A1 AUTHENTICATE NTLM\r\n"), backend("+\r\n"), client("*\r\n"),
                              backend("A1 NO AUTHENTICATE failed.\r\n")}) ==
          "tried NTLM\nB: A1 AUTHENTICATE NTLM\\r\\n\nC: +\\r\\n\nB: *\\r\\n\n"
          "C: A1 NO AUTHENTICATE failed.\\r\\n\nanswered NTLM failure\n");
  REQUIRE(play_greeted(kClearAllowed, {client("1 LOGIN joe pw\r\n"),
                                       backend("1 BAD Command received in Invalid state.\r\n")}) ==
          "tried LOGIN user=joe secret\nB: 1 LOGIN joe pw\\r\\n\n"
          "C: 1 BAD Command received in Invalid state.\\r\\n\n"
          "answered LOGIN user=joe secret failure\n");
}

TEST_CASE("Cyrus's greeting, and the list in its login's OK") {
  const std::string greeting = server("cyrus-imap")["greetings"][0];
  const std::string end =
      "] imap.ecs.soton.ac.uk Cyrus IMAP v2.3.13-Invoca-RPM-2.3.13-1.0.JKF server ready";
  REQUIRE(greeting_shown(greeting, kTls) ==
          "* OK [CAPABILITY IMAP4 IMAP4rev1 LITERAL+ ID AUTH=PLAIN SASL-IR" + end);
  REQUIRE(greeting_shown(greeting, kClearRefused) ==
          "* OK [CAPABILITY IMAP4 IMAP4rev1 LITERAL+ ID STARTTLS SASL-IR LOGINDISABLED" + end);
  REQUIRE(greeting_shown(greeting, kClearAllowed) == greeting);
  REQUIRE(play_greeted(kTls, {client("1 LOGIN joe pw\r\n"),
                              backend("1 OK [CAPABILITY IMAP4 LITERAL+ ID LOGINDISABLED "
                                      "MAILBOX-REFERRALS NO_ATOMIC_RENAME] User logged in\r\n")}) ==
          "tried LOGIN user=joe secret\nB: 1 LOGIN joe pw\\r\\n\n"
          "C: 1 OK [CAPABILITY IMAP4 LITERAL+ ID NO_ATOMIC_RENAME] User logged in\\r\\n\n"
          "answered LOGIN user=joe secret success\npassthrough\n");
}

TEST_CASE("UW's greeting in capitals, and its PREAUTH, which never reaches a client") {
  const auto greetings = server("uw-imap")["greetings"];
  const std::string end =
      "] xyz.redmond.corp.microsoft.com IMAP4rev1 2007f.404 at Wed, 27 Mar 2019 09:40:23 -0400 "
      "(EDT)";
  REQUIRE(greeting_shown(greetings[0], kTls) ==
          "* OK [CAPABILITY IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR AUTH=PLAIN AUTH=LOGIN" + end);
  REQUIRE(greeting_shown(greetings[0], kClearRefused) ==
          "* OK [CAPABILITY IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR STARTTLS LOGINDISABLED" + end);
  for (const auto& [name, conditions] : kAll) {
    REQUIRE(play(conditions, {backend(greetings[1].get<std::string>() + "\r\n")}) ==
            "C: * BYE [UNAVAILABLE] The mail server logged the connection in by itself\\r\\n\n"
            "end backend_preauth\n");
  }
}

TEST_CASE("Dovecot's greeting, clear and under TLS") {
  const std::string greeting = server("dovecot-imap")["greetings"][1];
  REQUIRE(greeting_shown(greeting, kTls) ==
          "* OK [CAPABILITY IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ AUTH=PLAIN AUTH=LOGIN] "
          "Dovecot (Debian) ready.");
  REQUIRE(greeting_shown(greeting, kClearRefused) ==
          "* OK [CAPABILITY IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] "
          "Dovecot (Debian) ready.");
  REQUIRE(list_shown(server("dovecot-imap")["lists"]["before_tls"], kTls) ==
          "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
}

TEST_CASE("Courier's STARTTLS stays where it stood when postern offers its own") {
  const std::string greeting = server("courier-imap")["greetings"][0];
  const std::string head =
      "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT "
      "THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION";
  const std::string end =
      "] Courier-IMAP ready. Copyright 1998-2011 Double Precision, Inc.  See COPYING for "
      "distribution information.";
  REQUIRE(greeting_shown(greeting, kTls) == head + end);
  REQUIRE(greeting_shown(greeting, kClearRefused) == head + " STARTTLS LOGINDISABLED" + end);
  REQUIRE(greeting_shown(greeting, kClearAllowed) == greeting);
}

TEST_CASE("hMailServer's list, and its words when a login failed too often") {
  const std::string list = server("hmail-imap")["lists"]["before"];
  REQUIRE(list_shown(list, kTls) ==
          "IMAP4 IMAP4rev1 CHILDREN IDLE QUOTA SORT ACL AUTH=PLAIN SASL-IR NAMESPACE RIGHTS=texk");
  REQUIRE(play_greeted(kTls, {client("a LOGIN joe pw\r\n"),
                              backend("* Too many invalid logon attempts.\r\na BAD Goodbye\r\n"),
                              ended(Side::backend)}) ==
          "tried LOGIN user=joe secret\nB: a LOGIN joe pw\\r\\n\n"
          "C: * Too many invalid logon attempts.\\r\\na BAD Goodbye\\r\\n\n"
          "answered LOGIN user=joe secret failure\n"
          "C: * BYE [UNAVAILABLE] The connection to the mail server was lost\\r\\n\n"
          "end backend_closed\n");
}

TEST_CASE("Exchange 5.5's referral leaves nothing but the login's OK") {
  REQUIRE(play_greeted(kTls, {client("? LOGIN DOMname/UserN/AliasN PASSword\r\n"),
                              backend(server("ex55-imap")["replies"][0]["line"].get<std::string>() +
                                      "\r\n")}) ==
          "tried LOGIN user=DOMname/UserN/AliasN secret\n"
          "B: ? LOGIN DOMname/UserN/AliasN PASSword\\r\\n\n"
          "C: ? OK LOGIN completed\\r\\n\n"
          "answered LOGIN user=DOMname/UserN/AliasN secret success\npassthrough\n");
}
