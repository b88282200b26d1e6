// Diagnostics as text.
#include "conf/diagnostic.h"

#include <catch2/catch.hpp>

using postern::conf::Diagnostic;
using postern::conf::Severity;
using postern::conf::text_of;

TEST_CASE("an error has its place, its line and a caret") {
  const Diagnostic error{Severity::error, "p.yaml", {3, 6}, "expected more", "tls: none"};
  REQUIRE(text_of(error) ==
          "p.yaml:3:6: expected more\n"
          "tls: none\n"
          "     ^\n");
}

TEST_CASE("a warning says that it is one") {
  const Diagnostic warning{Severity::warning, "p.yaml", {1, 1}, "never acts", "a: b"};
  REQUIRE(text_of(warning) == "p.yaml:1:1: warning: never acts\na: b\n^\n");
}

TEST_CASE("the caret counts characters, and tabs before it stay tabs") {
  const Diagnostic error{Severity::error, "p.yaml", {1, 5}, "m", "k\xC3\xBC\t:x"};
  REQUIRE(text_of(error) == "p.yaml:1:5: m\nk\xC3\xBC\t:x\n  \t ^\n");
}

TEST_CASE("the caret may stand behind the end of its line") {
  const Diagnostic error{Severity::error, "p.yaml", {1, 4}, "m", "a:"};
  REQUIRE(text_of(error) == "p.yaml:1:4: m\na:\n   ^\n");
}

TEST_CASE("what concerns the whole file, or a line too long to show, is one line") {
  const Diagnostic whole{Severity::error, "p.yaml", {}, "nothing in it", ""};
  const Diagnostic bare{Severity::error, "p.yaml", {1, 900}, "m", ""};
  REQUIRE(text_of(std::vector{whole, bare}) == "p.yaml: nothing in it\np.yaml:1:900: m\n");
}
