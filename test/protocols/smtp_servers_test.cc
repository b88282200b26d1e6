// What real old servers say, through the dialogue in every condition: their greetings, EHLO lists
// and replies (test/data/servers_smtp.json).
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "test/protocols/smtp_play.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

using Json = nlohmann::json;

const Json& servers() {
  static const Json read = [] {
    std::ifstream file(postern::test::source_dir() + "/test/data/servers_smtp.json");
    return Json::parse(file).at("servers");
  }();
  return read;
}

std::string joined(const Json& lines) {
  std::string text;
  for (const auto& line : lines) text += line.get<std::string>() + "\r\n";
  return text;
}

// EHLO's reply as the client gets it.
std::string shown(const std::string& reply, const Conditions& conditions) {
  auto text =
      play_greeted({client("EHLO c\r\n"), backend(reply)}, always(Verdict::allow), conditions);
  const std::string start = "named ehlo c\nB: EHLO c\\r\\n\nC: ";
  REQUIRE(text.starts_with(start));
  REQUIRE(text.ends_with("\n"));
  text = text.substr(start.size(), text.size() - start.size() - 1);
  return std::regex_replace(text, std::regex("\\\\r\\\\n"), "\r\n");
}

// All lists by the server's id and the list's name.
std::string list_of(const std::string& id, const std::string& name) {
  for (const auto& server : servers()) {
    if (server.at("id") == id) return joined(server.at("lists").at(name));
  }
  FAIL("no server " << id);
  return {};
}

// What must come out, by another way than the code's: whole lines are deleted from the text, then
// the separators are put right.
std::string expected(std::string text, bool logins, bool starttls) {
  const std::string first = text.substr(0, text.find("\r\n") + 2);
  text.erase(0, first.size());
  const std::string gone =
      "STARTTLS|X-ANONYMOUSTLS|REQUIRETLS|VRFY|EXPN|TURN|ETRN|X-EXPS|XEXCH50|X-LINK2STATE|XCLIENT|"
      "XFORWARD|XPROXY|XPROXYFROM|XPROXYTO|XSESSIONPARAMS|XSHADOW|XSHADOWREQUEST" +
      std::string(logins ? "" : "|AUTH");
  text = std::regex_replace(
      text, std::regex("250[- ](" + gone + ")([ =][^\r\n]*)?\r\n", std::regex::icase), "");
  text = first + (starttls ? "250-STARTTLS\r\n" : "") + text;
  text = std::regex_replace(text, std::regex("(^|\n)250[- ]"), "$01250-");
  text[text.rfind("250-") + 3] = ' ';
  return text;
}

}  // namespace

TEST_CASE("every server's EHLO list is edited as it must be in every condition") {
  std::size_t lists = 0;
  for (const auto& server : servers()) {
    for (const auto& [name, lines] : server.at("lists").items()) {
      INFO(server.at("id") << " " << name);
      const auto reply = joined(lines);
      REQUIRE(shown(reply, under_tls()) == expected(reply, true, false));
      REQUIRE(shown(reply, after_starttls()) == expected(reply, true, false));
      REQUIRE(shown(reply, without_tls()) == expected(reply, true, false));
      REQUIRE(shown(reply, optional_tls(CleartextLogins::offered)) == expected(reply, true, true));
      REQUIRE(shown(reply, optional_tls(CleartextLogins::not_offered)) ==
              expected(reply, false, true));
      ++lists;
    }
  }
  REQUIRE(lists >= 12);
}

TEST_CASE("Exchange 5.5: XEXCH50 and ETRN go, AUTH=LOGIN keeps the last place") {
  const auto reply = list_of("ex55-smtp", "caps_before");
  REQUIRE(shown(reply, under_tls()) ==
          "250-server2.COMPANY2.COM Hello [server2]\r\n250-HELP\r\n250-DSN\r\n250-SIZE 0\r\n"
          "250-AUTH LOGIN\r\n250 AUTH=LOGIN\r\n");
  REQUIRE(shown(reply, optional_tls(CleartextLogins::not_offered)) ==
          "250-server2.COMPANY2.COM Hello [server2]\r\n250-STARTTLS\r\n250-HELP\r\n250-DSN\r\n"
          "250 SIZE 0\r\n");
}

TEST_CASE("Exchange 2003: the server's own verbs go, 250 OK stays last, 8bitmime keeps its case") {
  const auto reply = list_of("ex2003-smtp", "caps_before");
  REQUIRE(shown(reply, under_tls()) ==
          "250-ServerName.example.com Hello [IP address]\r\n250-ATRN\r\n250-SIZE\r\n"
          "250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n"
          "250-BINARYMIME\r\n250-CHUNKING\r\n250-AUTH GSSAPI NTLM LOGIN\r\n250-AUTH=LOGIN\r\n"
          "250 OK\r\n");
  REQUIRE(shown(reply, optional_tls(CleartextLogins::not_offered)) ==
          "250-ServerName.example.com Hello [IP address]\r\n250-STARTTLS\r\n250-ATRN\r\n"
          "250-SIZE\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n"
          "250-BINARYMIME\r\n250-CHUNKING\r\n250 OK\r\n");
}

TEST_CASE("Exchange 2010: X-ANONYMOUSTLS and XSHADOW go, and XRDST becomes the last line") {
  REQUIRE(shown(list_of("ex2010-smtp", "caps_before_tls"), under_tls()) ==
          "250-SCSMX10P.Server Hello [172.16.33.187]\r\n250-SIZE 10485760\r\n250-PIPELINING\r\n"
          "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH NTLM\r\n250-8BITMIME\r\n"
          "250-BINARYMIME\r\n250-CHUNKING\r\n250 XRDST\r\n");
  REQUIRE(
      shown(list_of("ex2010-smtp", "plain_connector"), optional_tls(CleartextLogins::offered)) ==
      "250-TS-EXHC-P1.CXG.CO.UK Hello [172.16.10.102]\r\n250-STARTTLS\r\n250-SIZE\r\n"
      "250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH NTLM\r\n250-8BITMIME\r\n"
      "250-BINARYMIME\r\n250-CHUNKING\r\n250 XRDST\r\n");
}

TEST_CASE("Exchange 2016: the list of its client port under TLS") {
  REQUIRE(shown(list_of("ex2016-smtp", "client_frontend_587"), under_tls()) ==
          "250-mail.dev.example Hello [172.16.5.166]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n"
          "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH GSSAPI NTLM LOGIN\r\n250-8BITMIME\r\n"
          "250-BINARYMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250 XRDST\r\n");
}

TEST_CASE("Postfix: VRFY, ETRN and its STARTTLS go, both AUTH forms stay or go together") {
  const auto reply = list_of("postfix-smtp", "caps_before");
  REQUIRE(shown(reply, under_tls()) ==
          "250-foo.bar\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
          "250-AUTH DIGEST-MD5 PLAIN CRAM-MD5\r\n250-AUTH=DIGEST-MD5 PLAIN CRAM-MD5\r\n"
          "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
  REQUIRE(shown(reply, optional_tls(CleartextLogins::not_offered)) ==
          "250-foo.bar\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
          "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
}

TEST_CASE("Courier: its pseudo mechanism stays with the AUTH= line") {
  REQUIRE(shown(list_of("courier-smtp", "caps_before"), under_tls()) ==
          "250-foo.bar Ok.\r\n250-AUTH LOGIN CRAM-MD5\r\n"
          "250-AUTH=LOGIN CRAM-MD5 X-NETSCAPE-HAS-BUGS\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
          "250-SMTPUTF8\r\n250-SIZE\r\n250 DSN\r\n");
}

TEST_CASE("hMailServer and Exim: only STARTTLS goes") {
  REQUIRE(shown(list_of("hmail-smtp", "caps_before"), under_tls()) ==
          "250-COMPUTERNAME\r\n250-SIZE 20480000\r\n250-AUTH LOGIN PLAIN\r\n250 HELP\r\n");
  REQUIRE(shown(list_of("exim-smtp", "caps_before"), under_tls()) ==
          "250-foo.bar Hello CALLER at test.ex\r\n250-SIZE 52428800\r\n"
          "250-LIMITS MAILMAX=1000 RCPTMAX=50000\r\n250-8BITMIME\r\n250-PIPELINING\r\n"
          "250-AUTH PLAIN LOGIN\r\n250-CHUNKING\r\n250-PRDR\r\n250 HELP\r\n");
}

TEST_CASE("every server's greeting passes or is swallowed, and the client's command follows it") {
  for (const auto& server : servers()) {
    for (const auto& lines : server.at("greetings")) {
      const auto greeting = joined(lines);
      INFO(greeting);
      REQUIRE(play_smtp(smtp_options(), under_tls(), {backend(greeting), client("NOOP\r\n")}) ==
              "C: " + printable(greeting) + "\nB: NOOP\\r\\n\n");
      REQUIRE(play_smtp(smtp_options(), after_starttls(),
                        {client("NOOP\r\n"), backend(greeting)}) == "B: NOOP\\r\\n\n");
    }
  }
}

TEST_CASE("every server's replies pass unchanged, each to a command of its kind") {
  for (const auto& server : servers()) {
    for (const auto& row : server.at("replies")) {
      auto reply = row.at("line").get<std::string>() + "\r\n";
      INFO(server.at("id") << ": " << row.at("to") << ": " << reply);
      if (reply[3] == '-') reply += reply.substr(0, 3) + " end\r\n";
      if (row.at("to").get<std::string>().starts_with("EHLO")) continue;  // part of a list
      std::string command = "RSET";
      if (reply.starts_with("334")) command = "AUTH NTLM";
      if (reply.starts_with("235")) command = "AUTH CRAM-MD5";
      if (reply.starts_with("354")) command = "DATA";
      auto text = play_greeted({client(command + "\r\n"), backend(reply)});
      const auto at = text.find("B: " + command + "\\r\\n\nC: " + printable(reply) + "\n");
      REQUIRE(at != std::string::npos);
      REQUIRE(text.find("\nend ") == std::string::npos);
      REQUIRE((text.find("success\n") != std::string::npos) == reply.starts_with("235"));
    }
  }
}
