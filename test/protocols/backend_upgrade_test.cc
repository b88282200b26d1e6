// STARTTLS towards a backend: the commands that are sent, what is kept of the greeting, and every way
// in which it fails; each with any cutting of what the backend says.
#include "protocols/backend_upgrade.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace postern::protocols;
using State = BackendUpgrade::State;
using Failure = UpgradeFailure;

namespace {

struct Played {
  std::string commands;
  std::string greeting;
  State state{};
  Failure failure{};

  bool operator==(const Played&) const = default;
};

// In pieces, and cut besides at these places, in their order.
Played play(Protocol protocol, std::string_view backend, std::size_t piece,
            const std::vector<std::size_t>& cuts, std::vector<std::size_t>* asked = nullptr) {
  const auto upgrade = make_backend_upgrade(protocol, "postern.example.com");
  Played played;
  auto next = cuts.begin();
  for (std::size_t at = 0; at < backend.size();) {
    auto size = std::min(piece, backend.size() - at);
    if (next != cuts.end() && *next <= at + size) size = *next++ - at;
    const auto before = played.commands.size();
    upgrade->feed(backend.substr(at, size), played.commands);
    at += size;
    if (asked != nullptr && played.commands.size() > before) asked->push_back(at);
  }
  played.state = upgrade->state();
  played.failure = upgrade->failure();
  played.greeting = upgrade->greeting();
  return played;
}

// A server that waits for what it is asked before it answers; otherwise its bytes come in any pieces.
Played play(Protocol protocol, std::string_view backend) {
  std::vector<std::size_t> asked;
  const auto slow = play(protocol, backend, 1, {}, &asked);
  for (std::size_t piece = 2; piece < 80; ++piece) {
    INFO("pieces of " << piece);
    CHECK(play(protocol, backend, piece, asked) == slow);
  }
  CHECK(play(protocol, backend, backend.size() + 1, asked) == slow);
  return slow;
}

}  // namespace

TEST_CASE("each protocol's upgrade is asked for in its words, and the greeting is kept") {
  const auto smtp = play(Protocol::submission,
                         "220-mx.example.com ESMTP\r\n220 welcome\r\n"
                         "250-mx.example.com\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n"
                         "220 2.0.0 Ready to start TLS\r\n");
  CHECK(smtp.state == State::upgraded);
  CHECK(smtp.commands == "EHLO postern.example.com\r\nSTARTTLS\r\n");
  CHECK(smtp.greeting == "220-mx.example.com ESMTP\r\n220 welcome\r\n");

  const auto imap = play(Protocol::imap,
                         "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Dovecot ready.\r\n"
                         "* CAPABILITY IMAP4rev1\r\np1 OK Begin TLS negotiation now.\r\n");
  CHECK(imap.state == State::upgraded);
  CHECK(imap.commands == "p1 STARTTLS\r\n");
  CHECK(imap.greeting == "* OK Dovecot ready.\r\n");

  const auto pop3 = play(Protocol::pop3, "+OK POP3 <1896.697@example.com>\r\n+OK go\r\n");
  CHECK(pop3.state == State::upgraded);
  CHECK(pop3.commands == "STLS\r\n");
  CHECK(pop3.greeting == "+OK POP3 <1896.697@example.com>\r\n");
}

TEST_CASE("a greeting of IMAP loses its response codes and nothing else") {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"* OK ready", "* OK ready\r\n"},
      {"* ok [ALERT] today", "* OK today\r\n"},
      {"* OK  [CAPABILITY IMAP4rev1 LOGINDISABLED] hi", "* OK hi\r\n"},
      {"* OK [CAPABILITY a][ALERT] [CAPABILITY b] hi", "* OK hi\r\n"},
      {"* OK [capability IMAP4rev1]", "* OK ready\r\n"},
      {"* OK [CAPABILITY IMAP4rev1] hi [x]", "* OK hi [x]\r\n"},
      {"* OK [CAPABILITY", "* OK ready\r\n"},
      {"* OK", "* OK ready\r\n"},
  };
  for (const auto& [said, kept] : cases) {
    INFO(said);
    CHECK(play(Protocol::imap, std::string(said) + "\r\n").greeting == kept);
  }
}

TEST_CASE("where there is no upgrade it fails with a reason, and asks for nothing more") {
  const std::string longest(BackendUpgrade::kMostLine - 6, 'x');
  struct Case {
    Protocol protocol;
    std::string backend;
    Failure failure;
  };
  const std::vector<Case> cases = {
      {Protocol::smtp, "220-hi\r\n421 busy\r\n", Failure::greeting},
      {Protocol::smtp, "250 hello\r\n", Failure::greeting},
      {Protocol::smtp, "hello\r\n", Failure::protocol},
      {Protocol::smtp, "* OK IMAP\r\n", Failure::protocol},
      {Protocol::smtp, "220x\r\n", Failure::protocol},
      {Protocol::smtp, std::string("220 \0\r\n", 7), Failure::protocol},
      {Protocol::smtp, "220 a\rb\r\n", Failure::protocol},
      {Protocol::smtp, "220 hi\r\n502 what?\r\n", Failure::not_offered},
      {Protocol::smtp, "220 hi\r\n250-mx\r\n250 SIZE\r\n", Failure::not_offered},
      {Protocol::smtp, "220 hi\r\n250-mx\r\n250 STARTTLSX\r\n", Failure::not_offered},
      {Protocol::smtp, "220 hi\r\n250-mx\r\n250 X-STARTTLS\r\n", Failure::not_offered},
      {Protocol::smtp, "220 hi\r\n250 STARTTLS\r\n454 not now\r\n", Failure::not_offered},
      {Protocol::imap, "* PREAUTH [CAPABILITY IMAP4rev1] in\r\n", Failure::greeting},
      {Protocol::imap, "220 mx\r\n", Failure::greeting},
      {Protocol::imap, "* OKAY\r\n", Failure::greeting},
      {Protocol::imap, "* OK\r\np1 BAD what?\r\n", Failure::not_offered},
      {Protocol::imap, "* OK\r\np1 NO not now\r\n", Failure::not_offered},
      {Protocol::imap, "* OK\r\np2 OK\r\n", Failure::protocol},
      {Protocol::imap, "* OK\r\n* BYE\r\n", Failure::closed},
      {Protocol::pop3, "+OKAY\r\n", Failure::greeting},
      {Protocol::pop3, "+OK\r\n-ERR unknown command\r\n", Failure::not_offered},
      {Protocol::pop3, "+OK\r\nwhat?\r\n", Failure::protocol},
      {Protocol::pop3, "+OK " + longest + "xxxx\r\n", Failure::protocol},
  };
  for (const auto& [protocol, backend, failure] : cases) {
    INFO(name_of(protocol) << ": " << backend.substr(0, 60));
    const auto played = play(protocol, backend);
    CHECK(played.state == State::failed);
    CHECK(played.failure == failure);
    CHECK_FALSE(words_for(failure).empty());
    CHECK((failure == Failure::not_offered || !played.commands.ends_with("STARTTLS\r\n") ||
           protocol == Protocol::imap));
  }
  CHECK(play(Protocol::pop3, "+OK " + longest.substr(1) + "x\r\n").state == State::asking);
}

TEST_CASE("a greeting that refuses is told from one that is none, and kept") {
  const std::vector<std::pair<Protocol, std::string>> cases = {
      {Protocol::smtp, "421 4.3.2 too busy\r\n"},
      {Protocol::submission, "554-no\r\n"},
      {Protocol::imap, "* bye [UNAVAILABLE] no\r\n"},
      {Protocol::pop3, "-ERR busy\r\n"}};
  for (const auto& [protocol, greeting] : cases) {
    const auto played = play(protocol, greeting + "554 more\r\n");
    CHECK(played.failure == Failure::refused);
    CHECK(played.greeting == greeting);
    CHECK(played.commands.empty());
  }
}

TEST_CASE("a reply that comes before its command could be heard is an attack") {
  struct Case {
    Protocol protocol;
    std::vector<std::string> pieces;  // each with one read
    Failure failure;
  };
  const std::vector<Case> cases = {
      {Protocol::smtp, {"220 hi\r\n250 STARTTLS\r\n220 go\r\n"}, Failure::early_reply},
      {Protocol::smtp, {"220 hi\r\n", "250 STARTTLS\r\n220 go\r\n"}, Failure::early_reply},
      {Protocol::smtp, {"220 hi\r\n2", "50 STARTTLS\r\n"}, Failure::early_reply},
      {Protocol::smtp, {"220-hi\r\n220 ", "hi\r\n", "250 STARTTLS\r\n"}, Failure::none},
      {Protocol::imap, {"* OK\r\np1 OK go\r\n"}, Failure::early_reply},
      {Protocol::imap, {"* OK\r\np1 O", "K go\r\n"}, Failure::early_reply},
      {Protocol::imap, {"* OK\r\n* 1 EXISTS\r\np1 OK go\r\n"}, Failure::early_reply},
      {Protocol::imap, {"* OK\r\n* 1 EXISTS\r\n* 1 ", "RECENT\r\np1 OK go\r\n"}, Failure::none},
      {Protocol::imap, {"* OK\r\n", "p1 OK go\r\n"}, Failure::none},
      {Protocol::pop3, {"+OK\r\n+OK go\r\n"}, Failure::early_reply},
      {Protocol::pop3, {"+OK\r\n", "+OK go\r\n"}, Failure::none},
  };
  for (const auto& [protocol, pieces, failure] : cases) {
    const auto upgrade = make_backend_upgrade(protocol, "h");
    std::string commands;
    for (const auto& piece : pieces) {
      INFO(piece);
      upgrade->feed(piece, commands);
    }
    INFO(name_of(protocol) << ": " << pieces.front());
    CHECK(upgrade->failure() == failure);
  }
}

TEST_CASE("bytes behind the go-ahead are an attack, be it that they come later") {
  const std::vector<std::pair<Protocol, std::string>> cases = {
      {Protocol::smtp, "220 hi\r\n250 STARTTLS\r\n220 go\r\n"},
      {Protocol::imap, "* OK\r\np1 OK go\r\n"},
      {Protocol::pop3, "+OK\r\n+OK go\r\n"},
  };
  for (const auto& [protocol, conversation] : cases) {
    for (const std::string_view more : {"\r\n", "2", "* OK injected\r\n", "\x16\x03\x03"}) {
      INFO(name_of(protocol));
      const auto played = play(protocol, conversation + std::string(more));
      CHECK(played.state == State::failed);
      CHECK(played.failure == Failure::response_injection);
    }
  }
}

TEST_CASE("a backend that talks on and on, or closes, is given up") {
  std::string chatter = "* OK\r\n";
  for (int i = 0; i < BackendUpgrade::kMostLines; ++i) chatter += "* 1 EXISTS\r\n";
  CHECK(play(Protocol::imap, chatter).failure == Failure::protocol);
  const auto upgrade = make_backend_upgrade(Protocol::imap, "h");
  upgrade->ended();
  CHECK(upgrade->state() == State::failed);
  CHECK(upgrade->failure() == Failure::closed);
  std::string commands;
  CHECK(upgrade->feed("* OK\r\n", commands) == State::failed);
  CHECK(commands.empty());
}
