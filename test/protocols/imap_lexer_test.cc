// Commands of IMAP clients: heads, literals, arguments, and passing them on piece by piece.
#include "protocols/imap_lexer.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

#include "protocols/imap_login.h"

using namespace postern::protocols;

namespace {

// The tokens' kinds and texts, one string each.
std::vector<std::string> tokens(const ImapCommand& command) {
  static const std::vector<std::string> kNames = {"atom", "quoted", "literal", "announced",
                                                  "open", "close",  "broken",  "end"};
  std::vector<std::string> found;
  ImapArguments arguments(command, ImapArguments::Lists::read);
  while (true) {
    const auto token = arguments.next();
    found.push_back(kNames[static_cast<std::size_t>(token.kind)] + " " + imap_value(token, 255));
    if (token.kind == ImapArguments::Kind::end) return found;
  }
}

}  // namespace

TEST_CASE("a literal is announced by {n}, {n+}, {n-} or ~{n} as a line's last characters") {
  REQUIRE(literal_at_end("a LOGIN {12}")->octets == 12);
  REQUIRE(literal_at_end("a LOGIN {12}")->kind == LiteralKind::synchronising);
  REQUIRE(literal_at_end("x {0+}")->octets == 0);
  REQUIRE(literal_at_end("x {0+}")->kind == LiteralKind::non_synchronising);
  REQUIRE(literal_at_end("{7-}")->kind == LiteralKind::non_synchronising);
  REQUIRE(literal_at_end("~{7}")->octets == 7);
  for (const auto* text : {"", "}", "{}", "{+}", "{5", "5}", "{5} ", "{a}", "{-5}", "{5++}", "{5 }",
                           "{ 5}", "\"{5}\"", "{5}x"}) {
    CAPTURE(text);
    REQUIRE_FALSE(literal_at_end(text));
  }
}

TEST_CASE("a literal's length beyond 64 bits is the greatest, never a small one") {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  REQUIRE(literal_at_end("{18446744073709551615}")->octets == kMax);
  REQUIRE(literal_at_end("{18446744073709551614}")->octets == kMax - 1);
  REQUIRE(literal_at_end("{18446744073709551616}")->octets == kMax);
  REQUIRE(literal_at_end("{18446744073709551621+}")->octets == kMax);
  REQUIRE(literal_at_end("{" + std::string(100, '9') + "}")->octets == kMax);
  REQUIRE(literal_at_end("{" + std::string(100, '0') + "5}")->octets == 5);
}

TEST_CASE("a command's head is a tag, spaces, and a verb that is a word") {
  const auto head = imap_head("?  login  joe pw");
  REQUIRE(head->tag == "?");
  REQUIRE(head->verb == "login");
  REQUIRE(head->arguments == " joe pw");
  REQUIRE(imap_head("A.1-x] X-FOO")->verb == "X-FOO");
  for (const auto* text :
       {"", " ", "tag", "tag ", " LOGIN x", "* LOGIN x", "+ x", "a\"b LOGIN", "a{1} LOGIN",
        "a LOGIN{5}", "a LOGIN\"x\" y", "a {5}", "a\tLOGIN x", "a LOGIN\tx", "\xff LOGIN x"}) {
    CAPTURE(text);
    REQUIRE_FALSE(imap_head(text));
  }
  REQUIRE(imap_head(std::string(128, 'a') + " " + std::string(32, 'b')));
  REQUIRE_FALSE(imap_head(std::string(129, 'a') + " NOOP"));
  REQUIRE_FALSE(imap_head("a " + std::string(33, 'b')));
}

TEST_CASE("only verbs of the RFCs are known by name, in any case") {
  REQUIRE(known_imap_verb("aUthenTicate") == "AUTHENTICATE");
  REQUIRE(known_imap_verb("UID") == "UID");
  REQUIRE(known_imap_verb("hunter2").empty());
  REQUIRE(known_imap_verb("").empty());
  REQUIRE(known_imap_verb("LOGI").empty());
}

TEST_CASE("arguments are read across literals, with quotes, escapes and lists") {
  ImapCommand command;
  command.add_line("a ID (\"n\\\\a\\\"me\" {3}\r\n");
  command.open_literal();
  command.add_literal("a");
  command.add_literal("\r\n");
  command.add_line(" nil ~{0+}\r\n");
  command.open_literal();
  command.add_line("x) y\r\n");
  REQUIRE(tokens(command) == std::vector<std::string>{"open ", "quoted n\\a\"me", "literal a\r\n",
                                                      "atom nil", "literal ", "atom x", "close ",
                                                      "atom y", "end "});
}

TEST_CASE("a lone backslash in a quoted string stands for itself") {
  ImapCommand command;
  command.add_line("a LOGIN \"CONTOSO\\jdoe\" \"p\\\"w\"\r\n");
  REQUIRE(tokens(command) ==
          std::vector<std::string>{"quoted CONTOSO\\jdoe", "quoted p\"w", "end "});
}

TEST_CASE("a quoted string without an end has no value, and nothing follows it") {
  ImapCommand command;
  command.add_line("a LOGIN joe \"secret\\\" x\r\n");
  REQUIRE(tokens(command) == std::vector<std::string>{"atom joe", "broken ", "end "});
}

TEST_CASE("a command passes on in pieces that end where a + is due, all literals synchronising") {
  ImapCommand command;
  command.add_line("a LOGIN {3+}\r\n");
  command.open_literal();
  command.add_literal("joe");
  command.add_line(" {2}\r\n");
  REQUIRE(command.announced()->kind == LiteralKind::synchronising);
  REQUIRE(command.tag() == "a");
  REQUIRE(command.next_piece() == "a LOGIN {3}\r\n");
  REQUIRE(command.pieces_left());
  REQUIRE(command.next_piece() == "joe {2}\r\n");
  REQUIRE_FALSE(command.pieces_left());
  REQUIRE(command.next_piece().empty());
}

TEST_CASE("an announcement keeps the kind that the client wrote") {
  ImapCommand command;
  REQUIRE_FALSE(command.announced());
  command.add_line("a LOGIN {3-}\r\n");
  REQUIRE(command.announced()->kind == LiteralKind::non_synchronising);
  REQUIRE(command.announced()->octets == 3);
  command.open_literal();
  REQUIRE_FALSE(command.announced());
}

TEST_CASE("AUTHENTICATE takes a mechanism's name and at most one initial response") {
  REQUIRE(read_authenticate("PLAIN")->mechanism == "PLAIN");
  REQUIRE_FALSE(read_authenticate("PLAIN")->initial_response);
  REQUIRE(read_authenticate(" SCRAM-SHA-256  bixh ")->initial_response == "bixh");
  REQUIRE(read_authenticate("EXTERNAL =")->initial_response == "");
  for (const auto* text : {"", " ", "\"PLAIN\"", "PLAIN a b", "PL,AIN", "{5}"}) {
    CAPTURE(text);
    REQUIRE_FALSE(read_authenticate(text));
  }
  REQUIRE_FALSE(read_authenticate(std::string(33, 'A')));
}

TEST_CASE("LOGIN's name is at most 255 octets") {
  const auto user = [](std::size_t octets) {
    ImapCommand command;
    command.add_line("a LOGIN " + std::string(octets, 'x') + " pw\r\n");
    return read_login(command).login.user;
  };
  REQUIRE(user(255) == std::string(255, 'x'));
  REQUIRE(user(256).empty());  // a cut one would be another's
}
