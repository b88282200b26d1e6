// The ID command: the client's name, and the fields that only a trusted proxy may send.
#include "protocols/imap_id.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace postern::protocols;

namespace {

struct Read {
  bool readable = false;
  std::string name;
  std::string passed;  // what would go to the backend
};

// `parts`: lines and literals in turn.
Read read(const std::vector<std::string>& parts) {
  ImapCommand command;
  ImapCommand edited;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i % 2 == 0) {
      command.add_line(parts[i]);
    } else {
      command.open_literal();
      command.add_literal(parts[i]);
    }
  }
  const auto id = read_imap_id(command, edited);
  if (!id) return {};
  if (id->cut) command.swap(edited);
  Read result{true, id->name, {}};
  while (command.pieces_left()) result.passed += command.next_piece();
  return result;
}

}  // namespace

TEST_CASE("an ID without forbidden fields passes byte for byte") {
  const std::string line =
      "a  id  ( \"name\"  \"Thunder\\\"bird\" os NIL \"version\" \"128\")  \r\n";
  const auto id = read({line});
  REQUIRE(id.passed == line);
  REQUIRE(id.name == "Thunder\"bird 128");
}

TEST_CASE("the fields that name a client to the backend are cut, the rest stays") {
  REQUIRE(read({"a ID (\"x-originating-ip\" \"192.0.2.1\" \"name\" \"x\" \"X-Session-ID\" \"1\" "
                "\"x-connected-ip\" \"1\" \"X-FORWARD-foo\" NIL \"x-proxy-ttl\" \"9\" "
                "\"x-other\" \"kept\")\r\n"})
              .passed == "a ID (\"name\" \"x\" \"x-other\" \"kept\")\r\n");
  REQUIRE(read({"a ID (x-session-id 5 name mutt)\r\n"}).passed == "a ID (name mutt)\r\n");
}

TEST_CASE("every field that Dovecot or Zimbra takes from a trusted proxy is cut") {
  for (const std::string key :
       {"x-originating-ip", "x-originating-port", "x-connected-ip", "x-connected-port",
        "x-connected-name", "x-session-id", "x-session-ext-id", "x-client-transport", "x-proxy-ttl",
        "x-forward-any", "X-VIA"}) {
    CAPTURE(key);
    REQUIRE(read({"a ID (\"" + key + "\" \"1\" \"name\" \"x\")\r\n"}).passed ==
            "a ID (\"name\" \"x\")\r\n");
  }
  const std::string others = "a ID (\"x-via-x\" \"1\" \"x-client\" \"2\" \"x-original\" \"3\")\r\n";
  REQUIRE(read({others}).passed == others);
}

TEST_CASE("a forbidden field is cut in either reading of its backslashes") {
  for (const std::string key : {R"(x\-originating-ip)", R"(\x-session-id)", R"(\x\-\v\i\a)"}) {
    CAPTURE(key);
    REQUIRE(read({"a ID (\"" + key + "\" \"1\")\r\n"}).passed == "a ID NIL\r\n");
  }
  const std::string kept = R"(a ID ("x\\-session-id" "1" "\"" "\\"))"
                           "\r\n";
  REQUIRE(read({kept}).passed == kept);
}

TEST_CASE("an ID that only some servers can read is passed to none") {
  for (const std::string arguments : {"(x-session-id\t\"1\" x)", "(name \"a\"\tx-session-id b)",
                                      "(name\\ x)", "(na\"me x)", "(\x01 x)", "(\x7f x)"}) {
    CAPTURE(arguments);
    REQUIRE_FALSE(read({"a ID " + arguments + "\r\n"}).readable);
  }
  REQUIRE_FALSE(
      read({"a ID ({13}\r\n", std::string("x-session-id\0", 13), " \"1\")\r\n"}).readable);
  REQUIRE_FALSE(read({"a ID (name {2}\r\n", std::string("a\0", 2), ")\r\n"}).readable);
}

TEST_CASE("an ID of forbidden fields alone becomes NIL, which every server reads") {
  REQUIRE(read({"a ID (\"x-proxy-ttl\" \"1\")\r\n"}).passed == "a ID NIL\r\n");
}

TEST_CASE("forbidden fields are found and cut as literals too") {
  REQUIRE(read({"a ID ({12}\r\n", "X-session-id", " {2+}\r\n", "\r\n", " \"name\" {3+}\r\n", "abc",
                ")\r\n"})
              .passed == "a ID (\"name\" {3}\r\nabc)\r\n");
  REQUIRE(read({"a ID (\"name\" {3}\r\n", "abc", " \"x-session-id\" {1}\r\n", "9", ")\r\n"}).name ==
          "abc");
}

TEST_CASE("an ID that is no list of pairs is unreadable, so it cannot hide a field") {
  for (const std::string arguments :
       {"", " ", "(", ")", "(\"a\")", "(\"a\" \"b\"", "(\"a\" \"b\") \"c\"", "(\"a\" (\"b\"))",
        "((\"x-session-id\" \"1\"))", "NIL \"x-session-id\"", "\"x-session-id\" \"1\"",
        "(\"a\" \"b)", "foo"}) {
    CAPTURE(arguments);
    REQUIRE_FALSE(read({"a ID " + arguments + "\r\n"}).readable);
  }
  REQUIRE(read({"a ID ()\r\n"}).passed == "a ID ()\r\n");
  REQUIRE(read({"a ID nil\r\n"}).readable);
}

TEST_CASE("the name is made of what is given of name and version, at most 255 octets") {
  REQUIRE(read({"a ID (\"version\" \"3\")\r\n"}).name == "3");
  REQUIRE(read({"a ID (\"name\" NIL \"vendor\" \"x\")\r\n"}).name.empty());
  REQUIRE(read({"a ID (\"name\" \"" + std::string(300, 'n') + "\" \"version\" \"3\")\r\n"}).name ==
          std::string(255, 'n'));
}
