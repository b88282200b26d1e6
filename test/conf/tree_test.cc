// What of YAML is refused, whole messages each.
#include "conf/tree.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

// `depth` lists inside each other, under a key that is not supported yet.
std::string nested(std::size_t depth) {
  return "state: " + std::string(depth, '[') + std::string(depth, ']') + "\n";
}

}  // namespace

TEST_CASE("a file without anything says so") {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "~\n"})
    REQUIRE(faults(text) == "p.yaml: nothing in it; expected backends and listeners\n");
}

TEST_CASE("a file that is no mapping says what it is") {
  REQUIRE(faults("hello\n") ==
          "p.yaml:1:1: expected a mapping with backends and listeners, found `hello`\n"
          "hello\n"
          "^\n");
  REQUIRE(faults("\n- a\n") ==
          "p.yaml:2:1: expected a mapping with backends and listeners, found a list\n"
          "- a\n"
          "^\n");
}

TEST_CASE("a duplicate key is an error at its second place, at any depth") {
  REQUIRE(faults_before_rest("user: a\nlog: {level: info, \"level\": warn}\nuser: b\n") ==
          "p.yaml:2:20: key `level` stands on line 2 already; expected it once\n"
          "log: {level: info, \"level\": warn}\n"
          "                   ^\n"
          "p.yaml:3:1: key `user` stands on line 1 already; expected it once\n"
          "user: b\n"
          "^\n");
}

TEST_CASE("anchors, aliases and merge keys are errors, each at its own place") {
  REQUIRE(faults("backends:\n"
                 "  a: &base {servers: [\"192.0.2.1:25\"]}\n"
                 "  b: {<<: *base}\n"
                 "listeners: *base\n") ==
          "p.yaml:2:6: anchors are not supported; expected the value alone\n"
          "  a: &base {servers: [\"192.0.2.1:25\"]}\n"
          "     ^\n"
          "p.yaml:3:6: backends.b.servers is missing; expected a list of servers, such as "
          "[\"192.0.2.10:25\"]\n"
          "  b: {<<: *base}\n"
          "     ^\n"
          "p.yaml:3:7: merge keys (`<<`) are not supported; expected the keys themselves\n"
          "  b: {<<: *base}\n"
          "      ^\n"
          "p.yaml:3:11: aliases are not supported; expected the value itself\n"
          "  b: {<<: *base}\n"
          "          ^\n"
          "p.yaml:4:12: aliases are not supported; expected the value itself\n"
          "listeners: *base\n"
          "           ^\n");
}

TEST_CASE("an alias to nothing is an alias") {
  REQUIRE(faults("a: *b\n") ==
          "p.yaml:1:4: aliases are not supported; expected the value itself\n"
          "a: *b\n"
          "   ^\n");
}

TEST_CASE("a document that would blow up is not expanded") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const std::string last = std::string("*a").append(std::to_string(i - 1));
    bomb.append("a").append(number).append(": &a").append(number).append(" [").append(last);
    for (int k = 0; k < 9; ++k) bomb += ", " + last;
    bomb += "]\n";
  }
  REQUIRE_FALSE(load_text(bomb, "p.yaml").settings);
}

TEST_CASE("tags are errors") {
  REQUIRE(faults_before_rest("user: !!str postern\nlog: !mine {level: info}\n") ==
          "p.yaml:1:7: tags are not supported; expected the value alone\n"
          "user: !!str postern\n"
          "      ^\n"
          "p.yaml:2:6: tags are not supported; expected the value alone\n"
          "log: !mine {level: info}\n"
          "     ^\n");
}

TEST_CASE("a key must be text") {
  REQUIRE(faults_before_rest("[a, b]: 1\n~: 2\n") ==
          "p.yaml:1:1: a key that is no text; expected the name of a setting\n"
          "[a, b]: 1\n"
          "^\n"
          "p.yaml:2:1: a key that is no text; expected the name of a setting\n"
          "~: 2\n"
          "^\n");
}

TEST_CASE("a second document is an error where it begins") {
  REQUIRE(faults(std::string(kRest) + "---\nuser: a\n") ==
          "p.yaml:3:1: a second document begins here; expected one document in the file\n"
          "---\n"
          "^\n");
  REQUIRE(faults("---\n" + std::string(kRest) + "...\n").empty());
}

TEST_CASE("lists and mappings nest 32 levels, and not deeper") {
  REQUIRE(faults_before_rest(nested(31)).find("not supported yet") != std::string::npos);
  const std::string text = nested(32);
  REQUIRE(faults_before_rest(text) ==
          "p.yaml:1:39: nested deeper than 32 levels; expected fewer\n" + text +
              std::string(38, ' ') + "^\n");
}

TEST_CASE("nesting without an end costs no stack, whatever its form") {
  for (const char* piece : {"[", "{a: ", "- ", "? ", "{", "[{", "- ? "}) {
    std::string text;
    while (text.size() < 6000) text += piece;
    REQUIRE_FALSE(load_text(text, "p.yaml").settings);
  }
}

TEST_CASE("a file has at most 50,000 values") {
  std::string text = "rules:\n";
  for (int i = 0; i < 50001; ++i) text += "- a\n";
  REQUIRE(faults(text).find("more than 50000 values; expected fewer\n") != std::string::npos);
}

TEST_CASE("a syntax error ends reading, with what is known so far and what to do") {
  REQUIRE(faults("user: a\nuser: b\ntls: a: b\nusr: x\n") ==
          "p.yaml:2:1: key `user` stands on line 1 already; expected it once\n"
          "user: b\n"
          "^\n"
          "p.yaml:3:7: a value where none can stand; expected `key: value` on a line of its own, "
          "or quotes around text with `: `\n"
          "tls: a: b\n"
          "      ^\n");
}

TEST_CASE("a bracket left open is named where it opens") {
  REQUIRE(faults("backends:\n  a: {servers: [\"192.0.2.1:25\"\nuser: x\n") ==
          "p.yaml:2:16: this list has no end; expected `,` or `]`\n"
          "  a: {servers: [\"192.0.2.1:25\"\n"
          "               ^\n");
  REQUIRE(faults("log: {level: info\n") ==
          "p.yaml:1:6: this mapping has no end; expected `,` or `}`\n"
          "log: {level: info\n"
          "     ^\n");
}

TEST_CASE("quotes left open are named where they open, and swallow nothing in silence") {
  const std::string message = "these quotes have no end; expected the closing one\n";
  REQUIRE(faults(std::string(kRest) + "audit: {log: 'file:it''s}\nlog: {level: warn}\n") ==
          "p.yaml:3:14: " + message + "audit: {log: 'file:it''s}\n             ^\n");
  REQUIRE(faults(std::string(kRest) + "user: \"postern\\\"\nlog: {level: warn}") ==
          "p.yaml:3:7: " + message + "user: \"postern\\\"\n      ^\n");
  REQUIRE(faults(std::string(kRest) + "user: \"") ==
          "p.yaml:3:7: " + message + "user: \"\n      ^\n");
  REQUIRE(
      faults("hostname: \"a\\\n  b\"\naudit: {log: 'file:it''s'}\n" + std::string(kRest)).empty());
}

TEST_CASE("other syntax errors come in the parser's words") {
  REQUIRE(faults("user: \"\\q\"\n") ==
          "p.yaml:1:10: no valid YAML: `unknown escape character: q`; expected YAML 1.2\n"
          "user: \"\\q\"\n"
          "         ^\n");
}

TEST_CASE("wrong columns are named") {
  REQUIRE(faults("backends:\n    a: {}\n  b: {}\n") ==
          "p.yaml:3:3: this does not belong to the mapping above; expected `key: value` in the "
          "same column as the other keys\n"
          "  b: {}\n"
          "  ^\n");
}
