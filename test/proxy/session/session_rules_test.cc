// Rules for users: they act at the first moment the name is known, and before the secret where the
// protocol allows it.
#include <catch2/catch.hpp>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using Catch::StartsWith;
using conf::CleartextLogin;
using conf::TlsMode;
using protocols::Protocol;

namespace {

// One line of the client's. What the backend gets, its answer to that, and what the client then
// hears begins with `heard`.
struct Turn {
  std::string client;
  std::string backend_gets;
  std::string backend_says;
  std::string heard;
};
struct Row {
  const char* what;
  Protocol protocol;
  std::vector<Turn> turns;
  std::vector<std::string> events;
};

constexpr const char* greeting_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::imap:
      return "* OK old\r\n";
    case Protocol::pop3:
      return "+OK old\r\n";
    default:
      return "220 old\r\n";
  }
}

void play(const Row& row, const std::function<void(conf::Settings&)>& adjust,
          CleartextLogin listener) {
  CAPTURE(row.what);
  SessionWorld world({.mode = TlsMode::optional,
                      .protocol = row.protocol,
                      .cleartext_login = listener,
                      .adjust = adjust});
  world.begin();
  world.greet(greeting_of(row.protocol));
  world.hear();
  for (const auto& turn : row.turns) {
    CAPTURE(turn.client);
    if (!turn.client.empty()) world.say(turn.client);
    REQUIRE(world.backend().take() == turn.backend_gets);
    if (!turn.backend_says.empty()) world.backend().send(turn.backend_says);
    const auto heard = world.hear();
    REQUIRE_THAT(heard, StartsWith(turn.heard));
    REQUIRE((!heard.empty() || turn.heard.empty()));
  }
  REQUIRE(world.events() == row.events);
}

// "ann" and "bob" in base64.
constexpr auto kAnn = "YW5u";
constexpr auto kBob = "Ym9i";
const auto kAnnLine = std::string(kAnn) + "\r\n";
const auto kBobLine = std::string(kBob) + "\r\n";

}  // namespace

TEST_CASE("a rule lets one user in where others are refused: asked for the name, then judged") {
  const auto except_ann = [](conf::Settings& settings) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "except-ann";
    rule.users = {"ann"};
    rule.logins.cleartext_login = CleartextLogin::observe;
  };
  const std::string refused = "login-refused failure cleartext";
  const std::vector<Row> rows = {
      {"USER, allowed",
       Protocol::pop3,
       {{"USER ann\r\n", "USER ann\r\n", "+OK\r\n", "+OK"},
        {"PASS x\r\n", "PASS x\r\n", "+OK\r\n", "+OK"}},
       {"login success"}},
      {"USER, refused; a PASS behind it is no further try",
       Protocol::pop3,
       {{"USER bob\r\n", "", "", "-ERR [AUTH]"}, {"PASS x\r\n", "", "", "-ERR"}},
       {refused}},
      {"AUTH LOGIN, allowed",
       Protocol::submission,
       {{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n", "334 \r\n", "334 "},
        {kAnnLine, kAnnLine, "334 \r\n", "334 "},
        {"eA==\r\n", "eA==\r\n", "235 in\r\n", "235"}},
       {"login success"}},
      {"AUTH LOGIN, refused before the password is asked for",
       Protocol::submission,
       {{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n", "334 \r\n", "334 "},
        {kBobLine, "*\r\n", "501 given up\r\n", "5"}},
       {refused}},
      {"AUTH LOGIN with the name at once",
       Protocol::submission,
       {{"AUTH LOGIN " + kBobLine, "", "", "5"}},
       {refused}},
      {"AUTHENTICATE LOGIN, refused before the password is asked for",
       Protocol::imap,
       {{"a AUTHENTICATE LOGIN\r\n", "a AUTHENTICATE LOGIN\r\n", "+ \r\n", "+ "},
        {kBobLine, "*\r\n", "a BAD given up\r\n", "a NO"}},
       {refused}},
      {"LOGIN's synchronising literal, refused before the password is asked for",
       Protocol::imap,
       {{"a LOGIN {3}\r\n", "", "", "+ "}, {"bob {6}\r\n", "", "", "a NO"}},
       {refused}},
      {"LOGIN's synchronising literal, allowed",
       Protocol::imap,
       {{"a LOGIN {3}\r\n", "", "", "+ "},
        {"ann x\r\n", "a LOGIN {3}\r\n", "+ go on\r\n", ""},
        {"", "ann x\r\n", "a OK in\r\n", "a OK"}},
       {"login success"}},
      {"LOGIN in a line", Protocol::imap, {{"a LOGIN bob x\r\n", "", "", ""}}, {refused}},
      {"PLAIN holds name and secret: it does not start",
       Protocol::submission,
       {{"AUTH PLAIN\r\n", "", "", "5"}},
       {refused}},
      {"nor does CRAM-MD5", Protocol::submission, {{"AUTH CRAM-MD5\r\n", "", "", "5"}}, {refused}},
      {"nor GSSAPI, which shows no name",
       Protocol::submission,
       {{"AUTH GSSAPI\r\n", "", "", "5"}},
       {refused}},
      {"PLAIN with its response at once is judged by the name",
       Protocol::submission,
       {{"AUTH PLAIN AGFubgB4\r\n", "AUTH PLAIN AGFubgB4\r\n", "235 in\r\n", "235"}},
       {"login success"}},
  };
  for (const auto& row : rows) play(row, except_ann, CleartextLogin::refuse);
}

TEST_CASE("a rule refuses one user where others are let in") {
  const auto stop_bob = [](conf::Settings& settings) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "stop-bob";
    rule.users = {"bob"};
    rule.logins.cleartext_login = CleartextLogin::refuse;
  };
  const std::string refused = "login-refused failure rule";
  const std::vector<Row> rows = {
      {"USER", Protocol::pop3, {{"USER bob\r\n", "", "", "-ERR [AUTH]"}}, {refused}},
      {"AUTH LOGIN",
       Protocol::submission,
       {{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n", "334 \r\n", "334 "},
        {kBobLine, "*\r\n", "501 given up\r\n", "5"}},
       {refused}},
      {"PLAIN: the response is not passed on",
       Protocol::submission,
       {{"AUTH PLAIN\r\n", "AUTH PLAIN\r\n", "334 \r\n", "334 "},
        {"AGJvYgB4\r\n", "*\r\n", "501 given up\r\n", "5"}},
       {refused}},
      {"LOGIN's synchronising literal",
       Protocol::imap,
       {{"a LOGIN {3}\r\n", "", "", "+ "}, {"bob {6}\r\n", "", "", "a NO"}},
       {refused}},
      {"somebody else",
       Protocol::pop3,
       {{"USER ann\r\n", "USER ann\r\n", "+OK\r\n", "+OK"},
        {"PASS x\r\n", "PASS x\r\n", "+OK\r\n", "+OK"}},
       {"login success"}},
      {"a name that stays hidden is nobody's",
       Protocol::submission,
       {{"AUTH GSSAPI\r\n", "AUTH GSSAPI\r\n", "235 in\r\n", "235"}},
       {"login success"}},
  };
  for (const auto& row : rows) play(row, stop_bob, CleartextLogin::observe);
}

TEST_CASE("a rule that refuses one user is not got around by a name that it cannot read") {
  const auto stop_bob = [](conf::Settings& settings) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "stop-bob";
    rule.users = {"bob"};
    rule.logins.cleartext_login = CleartextLogin::refuse;
  };
  const std::string refused = "login-refused failure rule";
  const auto refused_at_once = [&](const char* what, Protocol protocol, const std::string& line) {
    return Row{what, protocol, {{line, "", "", ""}}, {refused}};
  };
  const std::string again = "AUTH LOGIN " + kAnnLine;
  const std::vector<Row> rows = {
      refused_at_once("PLAIN with a NUL in the password", Protocol::submission,
                      "AUTH PLAIN AGJvYgB4AHg=\r\n"),
      refused_at_once("PLAIN behind padding", Protocol::submission,
                      "AUTH PLAIN AGFubgB4eA== AGJvYgB4\r\n"),
      refused_at_once("an empty name in PLAIN", Protocol::submission, "AUTH PLAIN AAB4\r\n"),
      refused_at_once("an unknown mechanism", Protocol::submission, "AUTH X-PLAIN\r\n"),
      refused_at_once("blanks around the name", Protocol::submission,
                      "AUTH PLAIN ACAgYm9iIAB4\r\n"),
      refused_at_once("USER with two words", Protocol::pop3, "USER bob x\r\n"),
      refused_at_once("PASS alone", Protocol::pop3, "PASS x\r\n"),
      refused_at_once("text behind a quoted name", Protocol::imap, "a LOGIN \"bob\"x y\r\n"),
      {"a server that passed the initial response over, and asks for the name again",
       Protocol::submission,
       {{again, again, "334 \r\n", "334 "},
        {kBobLine, kBobLine, "334 \r\n", "334 "},
        {"eA==\r\n", "*\r\n", "501 given up\r\n", "5"}},
       {refused}},
      {"a backend that refused USER and lets PASS in all the same",
       Protocol::pop3,
       {{"USER ann\r\n", "USER ann\r\n", "-ERR no\r\n", "-ERR no"}, {"PASS x\r\n", "", "", "-ERR"}},
       {"login failure", refused}},
  };
  for (const auto& row : rows) play(row, stop_bob, CleartextLogin::observe);
}

TEST_CASE("brown-out judges by the name once it is known, and a hidden name by the address") {
  const auto all = [](conf::Settings& settings) {
    settings.listeners.front().logins.refuse_share = conf::Share{conf::Share::kAll};
  };
  const std::string refused = "login-refused failure cleartext";
  const std::vector<Row> rows = {
      {"AUTH LOGIN starts, and its name decides",
       Protocol::submission,
       {{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n", "334 \r\n", "334 "},
        {kBobLine, "*\r\n", "501 given up\r\n", "5"}},
       {refused}},
      {"GSSAPI does not start",
       Protocol::submission,
       {{"AUTH GSSAPI\r\n", "", "", "5"}},
       {refused}},
  };
  for (const auto& row : rows) play(row, all, CleartextLogin::observe);
}
