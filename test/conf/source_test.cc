// Lines and characters, and what is no text.
#include "conf/source.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder
using namespace std::string_literals;

TEST_CASE("columns count characters, not octets") {
  REQUIRE(faults_before_rest("smtp: {\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\": 1, log: 2}\n") ==
          "p.yaml:1:8: unknown key `\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80` in smtp; expected "
          "bare_newlines or hide\n"
          "smtp: {\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\": 1, log: 2}\n"
          "       ^\n"
          "p.yaml:1:18: unknown key `log` in smtp; expected bare_newlines or hide\n"
          "smtp: {\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\": 1, log: 2}\n"
          "                 ^\n");
}

TEST_CASE("a byte order mark and CRLF do not shift places") {
  REQUIRE(faults("\xEF\xBB\xBFusr: a\r\n" + std::string(kRest)) ==
          "p.yaml:1:1: unknown key `usr`; did you mean `user`?\n"
          "usr: a\n"
          "^\n");
}

TEST_CASE("what is not UTF-8 is named, line by line, and nothing else") {
  REQUIRE(
      faults("a: \xC3\xBC\xFF x\nb: \xC0\x80\nc: \xED\xA0\x80\nd: \xF4\x90\x80\x80\ne: \xE2\x82") ==
      "p.yaml:1:5: not UTF-8; expected UTF-8 text\n"
      "a: \xC3\xBC? x\n"
      "    ^\n"
      "p.yaml:2:4: not UTF-8; expected UTF-8 text\n"
      "b: ??\n"
      "   ^\n"
      "p.yaml:3:4: not UTF-8; expected UTF-8 text\n"
      "c: ???\n"
      "   ^\n"
      "p.yaml:4:4: not UTF-8; expected UTF-8 text\n"
      "d: ????\n"
      "   ^\n"
      "p.yaml:5:4: not UTF-8; expected UTF-8 text\n"
      "e: ??\n"
      "   ^\n");
}

TEST_CASE("control characters, which a terminal might obey, are named and not shown") {
  REQUIRE(faults("a: \x1B[2J\nb: \xC2\x9B\nc: \0\nd: x\ry\ne: \x7F\n"s) ==
          "p.yaml:1:4: a control character; expected text\n"
          "a: ?[2J\n"
          "   ^\n"
          "p.yaml:2:4: a control character; expected text\n"
          "b: ?\n"
          "   ^\n"
          "p.yaml:3:4: a control character; expected text\n"
          "c: ?\n"
          "   ^\n"
          "p.yaml:4:5: a control character; expected text\n"
          "d: x?y\n"
          "    ^\n"
          "p.yaml:5:4: a control character; expected text\n"
          "e: ?\n"
          "   ^\n");
}

TEST_CASE("control characters that come by escapes are not shown either") {
  REQUIRE(faults_before_rest("\"a\\n\\x1b\\x9bb\": 1\nuser: \"a\\nb\"\n") ==
          "p.yaml:1:1: unknown key `a???b`; expected hostname, workers, user, certificates, tls, "
          "backends, listeners, rules, limits, refusal, smtp, audit, log, admin or shutdown_grace\n"
          "\"a\\n\\x1b\\x9bb\": 1\n"
          "^\n"
          "p.yaml:2:7: user: expected the name of a user of this system, found `a?b`\n"
          "user: \"a\\nb\"\n"
          "      ^\n");
}

TEST_CASE("each tab in an indentation is named") {
  REQUIRE(faults("tls:\n\talpn: off\n  \tx: y # \t\n\t\n") ==
          "p.yaml:2:1: a tab in the indentation; expected spaces\n"
          "\talpn: off\n"
          "^\n"
          "p.yaml:3:3: a tab in the indentation; expected spaces\n"
          "  \tx: y # \t\n"
          "  ^\n");
  REQUIRE(faults_before_rest("user:\tpostern\t# with tabs between\n\t\n").empty());
}

TEST_CASE("a file has at most 1 MiB") {
  const std::string rest(kRest);
  const std::string line = std::string("#").append(1022, 'x').append("\n");
  std::string text = rest;
  while (text.size() + line.size() <= 1024 * 1024) text += line;
  text.append(1024 * 1024 - text.size(), '#');
  REQUIRE(faults(text).empty());
  REQUIRE(faults(text + "x") == "p.yaml: larger than 1 MiB; expected a settings file\n");
}

TEST_CASE("a line has at most 8 KiB") {
  REQUIRE(faults_before_rest("#" + std::string(8191, 'x') + "\n").empty());
  REQUIRE(faults_before_rest("#" + std::string(8192, 'x') + "\n") ==
          "p.yaml:1:1: a line of 8193 octets; expected at most 8192\n");
}

TEST_CASE("a long line is not shown, and a long word only its beginning") {
  REQUIRE(faults_before_rest(std::string(500, 'k') + ": 1\n") ==
          "p.yaml:1:1: unknown key `" + std::string(60, 'k') +
              "...`; expected hostname, workers, user, certificates, tls, backends, listeners, "
              "rules, limits, refusal, smtp, audit, log, admin or shutdown_grace\n");
}

TEST_CASE("after a hundred findings the rest is counted") {
  std::string text;
  for (int i = 0; i < 2000; ++i) text.append("k").append(std::to_string(i)).append("xxxxx: 1\n");
  const auto loaded = load_text(text + std::string(kRest), "p.yaml");
  REQUIRE(loaded.diagnostics.size() == 101);
  REQUIRE(loaded.diagnostics[99].place.line == 100);
  REQUIRE(text_of(loaded.diagnostics.back()) == "p.yaml: and 1900 more like these\n");
}
