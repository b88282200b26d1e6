// Real servers' POP3 greetings, lists and replies, as recorded, through the dialogue in all its
// conditions: nothing changes but what must.
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "protocols/pop3_dialogue.h"
#include "test/support/cutter.h"
#include "test/support/source_dir.h"

using namespace postern;
using namespace postern::protocols;
using test::backend;
using test::client;
using test::printable;

namespace {

const Options& options() {
  static const Options kOptions;
  return kOptions;
}

constexpr std::array kConditions{
    Conditions{},
    Conditions{Transport::cleartext, Upgrade::not_offered, CleartextLogins::offered,
               BackendGreeting::pass},
    Conditions{Transport::cleartext, Upgrade::offered, CleartextLogins::offered,
               BackendGreeting::pass},
    Conditions{Transport::cleartext, Upgrade::offered, CleartextLogins::not_offered,
               BackendGreeting::pass},
};
constexpr auto kTls = kConditions[0];
constexpr auto kObserve = kConditions[2];
constexpr auto kRefuse = kConditions[3];

nlohmann::json servers() {
  std::ifstream file(postern::test::source_dir() + "/test/data/servers_pop3.json");
  return nlohmann::json::parse(file);
}

nlohmann::json server(std::string_view id) {
  for (const auto& each : servers()) {
    if (each["id"] == id) return each;
  }
  FAIL("no server " << id);
  return {};
}

// As on the wire: those greetings that are no ASCII came in windows-1252.
std::string wire(const std::string& utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    bytes += c < 0x80
                 ? utf8[i]
                 : static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 63));
  }
  return bytes;
}

std::string run(const Conditions& conditions, const std::vector<test::Action>& actions) {
  return test::run([&] { return std::make_unique<Pop3Dialogue>(options(), conditions); }, actions);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\r\n";
  return text;
}

// The list that a client gets, one line a capability, under the conditions.
std::vector<std::string> shown(const Conditions& conditions, const nlohmann::json& each,
                               const char* list) {
  const auto status = each.value("caps_status", "+OK") + "\r\n";
  const auto lines = each[list].get<std::vector<std::string>>();
  auto text = run(conditions, {backend("+OK\r\n"), client("CAPA\r\n"),
                               backend(status + joined(lines) + ".\r\n")});
  const auto start = "C: +OK\\r\\n\nB: CAPA\\r\\n\nC: " + printable(status);
  REQUIRE(text.starts_with(start));
  text.erase(0, start.size());
  std::vector<std::string> found;
  for (auto end = text.find("\\r\\n"); end != std::string::npos; end = text.find("\\r\\n")) {
    found.push_back(text.substr(0, end));
    text.erase(0, end + 4);
  }
  REQUIRE(text == "\n");
  REQUIRE(found.back() == ".");
  found.pop_back();
  return found;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "each server's greeting passes as it is, but for APOP's timestamp where logins need TLS") {
  std::size_t greetings = 0;
  for (const auto& each : servers()) {
    for (const auto& text : each["greetings"]) {
      const auto greeting = wire(text.get<std::string>());
      INFO(each["id"] << ": " << greeting);
      ++greetings;
      for (const auto& conditions : kConditions) {
        auto expected = greeting;
        const auto start = greeting.find('<');
        if (conditions.cleartext_logins == CleartextLogins::not_offered &&
            start != std::string::npos) {
          expected.erase(start, greeting.find('>') - start + 1);
        }
        REQUIRE(run(conditions, {backend(greeting + "\r\n")}) ==
                "C: " + printable(expected) + "\\r\\n\n");
      }
    }
  }
  REQUIRE(greetings == 33);
}

TEST_CASE("no server's list shows its own STLS, and every other line stays in its order") {
  for (const auto& each : servers()) {
    for (const auto* list : {"caps_before_tls", "caps_before", "caps_after"}) {
      if (!each.contains(list)) continue;
      INFO(each["id"] << " " << list);
      const auto offered = each[list].get<Lines>();
      Lines under_tls;
      Lines needs_tls;
      Lines both;
      bool stls = false;
      for (const auto& line : offered) {
        const auto word = line.substr(0, line.find(' '));
        if (word == "XOIP") continue;  // Zimbra's, for its own proxy
        both.push_back(line);
        if (word == "STLS") {
          needs_tls.push_back(line);
          stls = true;
          continue;
        }
        under_tls.push_back(line);
        if (word != "USER" && word != "SASL" && word != "APOP") needs_tls.push_back(line);
      }
      if (!stls) needs_tls.emplace_back("STLS");
      REQUIRE(shown(kTls, each, list) == under_tls);
      REQUIRE(shown(kConditions[1], each, list) == under_tls);
      REQUIRE(shown(kRefuse, each, list) == needs_tls);
      if (!stls) both.emplace_back("STLS");
      REQUIRE(shown(kObserve, each, list) == both);
    }
  }
}

TEST_CASE("lists of servers in full") {
  REQUIRE(shown(kTls, server("ex2003-pop3"), "caps_before") ==
          Lines{"TOP", "USER", "PIPELINING", "EXPIRE NEVER", "UIDL", "SASL NTLM"});
  REQUIRE(shown(kRefuse, server("ex2003-pop3"), "caps_before") ==
          Lines{"TOP", "PIPELINING", "EXPIRE NEVER", "UIDL", "STLS"});
  REQUIRE(shown(kTls, server("ex20xx-pop3"), "caps_before_tls") ==
          Lines{"TOP", "UIDL", "SASL GSSAPI PLAIN", "USER"});
  REQUIRE(shown(kRefuse, server("ex20xx-pop3"), "caps_before_tls") == Lines{"TOP", "UIDL", "STLS"});
  REQUIRE(shown(kObserve, server("ex20xx-pop3"), "caps_before") ==
          Lines{"TOP", "UIDL", "SASL NTLM GSSAPI PLAIN LOGIN", "USER", "STLS"});
  REQUIRE(shown(kTls, server("cyrus-pop3"), "caps_before") ==
          Lines{"SASL DIGEST-MD5 CRAM-MD5", "EXPIRE NEVER", "LOGIN-DELAY 0", "TOP", "UIDL",
                "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "USER",
                "IMPLEMENTATION Cyrus POP3 v2.3.14"});
  REQUIRE(shown(kRefuse, server("courier-pop3"), "caps_before") ==
          Lines{"STLS", "TOP", "LOGIN-DELAY 10", "PIPELINING", "UIDL", "UTF8 USER", "LANG",
                "IMPLEMENTATION Courier Mail Server"});
  REQUIRE(shown(kTls, server("dovecot-pop3"), "caps_before_tls") ==
          Lines{"CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "SASL"});
  REQUIRE(shown(kTls, server("hmail-pop3"), "caps_before") == Lines{"UIDL", "TOP", "USER"});
  REQUIRE(shown(kRefuse, server("mercury-pop3"), "caps_before") ==
          Lines{"UIDL", "TOP", "EXPIRE NEVER", "STLS"});
  REQUIRE(shown(kTls, server("uw-pop3"), "caps_before") ==
          Lines{"TOP", "LOGIN-DELAY 180", "UIDL", "USER", "SASL PLAIN LOGIN"});
  REQUIRE(shown(kRefuse, server("zimbra-pop3"), "caps_before") ==
          Lines{"TOP", "UIDL", "STLS", "EXPIRE 31 USER", "IMPLEMENTATION ZimbraInc"});
}

TEST_CASE("each server's recorded one-line reply reaches the client as it is") {
  const std::map<std::string, std::string> commands{
      {"USER", "USER jdoe"},
      {"USER jdoe", "USER jdoe"},
      {"USER bob", "USER bob"},
      {"QUIT", "QUIT"},
      {"STAT before login", "STAT"},
      {"RPOP", "RPOP jdoe"},
      {"wrong", "APOP a b"},
      {"temporary", "APOP a b"},
      {"PASS", "APOP a b"},
      {"PASS wrong", "APOP a b"},
      {"login ok", "APOP a b"},
      {"USER domain\\user/mailbox", "USER domain\\user/mailbox"},
      {"PASS without the service right", "APOP a b"},
      {"mailbox fetch fails", "APOP a b"},
      {"locked", "APOP a b"},
      {"USER when STLS is demanded", "USER jdoe"},
      {"USER when TLS is demanded", "USER jdoe"},
      {"AUTH NTLM", "AUTH NTLM"},
      {"AUTH NTLM when off", "AUTH NTLM"},
      {"AUTH under a forced layer", "AUTH PLAIN"},
  };
  std::size_t replies = 0;
  for (const auto& each : servers()) {
    for (const auto& reply : each["replies"]) {
      const auto command = commands.find(reply["to"].get<std::string>());
      if (command == commands.end()) continue;
      const auto line = reply["line"].get<std::string>();
      INFO(each["id"] << ": " << command->second << ": " << line);
      ++replies;
      const auto text =
          run(kTls, {backend("+OK\r\n"), client(command->second + "\r\n"), backend(line + "\r\n")});
      REQUIRE(text.find("\nB: " + printable(command->second) + "\\r\\n\n") != std::string::npos);
      REQUIRE(text.find("C: " + printable(line) + "\\r\\n\n") != std::string::npos);
      const bool logged_in = command->second == "APOP a b" && line.starts_with("+OK");
      REQUIRE(text.ends_with("passthrough\n") == logged_in);
      REQUIRE(text.find("\nend ") == std::string::npos);
    }
  }
  REQUIRE(replies == 29);
}

TEST_CASE("Exchange 2003: NTLM by +OK, its refusal, and a login by USER") {
  const auto greeting = server("ex2003-pop3")["greetings"][0].get<std::string>();
  REQUIRE(
      run(kTls, {backend(greeting + "\r\n"), client("AUTH NTLM\r\n"), backend("+OK\r\n"),
                 client("TlRMTVNTUAABAAAA\r\n"), backend("+ TlRMTVNTUAACAAAA\r\n"),
                 client("TlRMTVNTUAADAAAA\r\n"),
                 backend("-ERR Logon failure: unknown user name or bad password.\r\n"),
                 client("USER jdoe\r\nPASS test-only\r\n"),
                 backend("+OK\r\n+OK User successfully logged on.\r\n")}) ==
      "C: +OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 (domain.net) ready."
      "\\r\\n\nnamed commands AUTH\ntried NTLM\nB: AUTH NTLM\\r\\n\nC: +OK\\r\\n\nB: "
      "TlRMTVNTUAABAAAA\\r\\n\n"
      "C: + TlRMTVNTUAACAAAA\\r\\n\ntried NTLM\nB: TlRMTVNTUAADAAAA\\r\\n\nanswered NTLM failure\n"
      "C: -ERR Logon failure: unknown user name or bad password.\\r\\n\n"
      "tried USER user=jdoe secret\nB: USER jdoe\\r\\n\nC: +OK\\r\\n\nB: PASS test-only\\r\\n\n"
      "C: +OK User successfully logged on.\\r\\n\nanswered USER user=jdoe secret success\n"
      "passthrough\n");
}

TEST_CASE("Cyrus and UW list mechanisms at a bare AUTH") {
  REQUIRE(run(kTls, {backend("+OK\r\n"), client("AUTH\r\n"),
                     backend("+OK List of supported mechanisms follows\r\nDIGEST-MD5\r\n"
                             "SCRAM-SHA-1-PLUS\r\nEXTERNAL\r\nPLAIN\r\n.\r\n")}) ==
          "C: +OK\\r\\n\nB: AUTH\\r\\n\nC: +OK List of supported mechanisms follows\\r\\n"
          "DIGEST-MD5\\r\\nPLAIN\\r\\n.\\r\\n\n");
}

TEST_CASE("Exchange 5.5 knows no CAPA: its clients find STLS all the same where it is offered") {
  const auto greeting = server("ex55-pop3")["greetings"][0].get<std::string>();
  REQUIRE(run(kObserve, {backend(greeting + "\r\n"), client("CAPA\r\n"),
                         backend("-ERR Protocol Error\r\n"), client("STLS\r\n")}) ==
          "C: +OK Microsoft Exchange POP3 server version 5.5.2655.20 ready\\r\\n\nB: CAPA\\r\\n\n"
          "C: +OK Capability list follows\\r\\nUSER\\r\\nSTLS\\r\\n.\\r\\n"
          "+OK Begin TLS negotiation\\r\\n\ntls \n");
}
