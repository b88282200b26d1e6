// Where a line may be put into a logged-in backend's stream.
#include "protocols/imap_boundary.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

using postern::protocols::ImapBoundary;

namespace {

std::string state(const ImapBoundary& boundary) {
  return std::string(boundary.at_line_start() ? "start" : "inside") +
         (boundary.may_close() ? " closing" : "") + (boundary.opaque() ? " opaque" : "");
}

// The state after `stream`, the same for whole, octet by octet, and all cuts in two.
std::string after(const std::string& stream) {
  ImapBoundary whole;
  whole.feed(stream);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    ImapBoundary two;
    two.feed(stream.substr(0, cut));
    two.feed(stream.substr(cut));
    REQUIRE(state(two) == state(whole));
  }
  ImapBoundary octets;
  for (const char c : stream) octets.feed(std::string(1, c));
  REQUIRE(state(octets) == state(whole));
  return state(whole);
}

}  // namespace

TEST_CASE("a line may be put in behind CRLF, and nowhere else in a line") {
  REQUIRE(after("") == "start");
  REQUIRE(after("* 3 EXISTS\r\n") == "start");
  REQUIRE(after("* 3 EXISTS\r") == "inside");
  REQUIRE(after("* 3 EX") == "inside");
  REQUIRE(after("* 3 EXISTS\n") == "inside");
  REQUIRE(after("* 3 EXISTS\n* 4 EXISTS\r\n") == "start");
}

TEST_CASE("no line may be put into a literal, or into the response that goes on behind it") {
  const std::string fetch = "* 1 FETCH (BODY[] {10}\r\n";
  REQUIRE(after(fetch) == "inside");
  REQUIRE(after(fetch + "12345\r\n89") == "inside");
  REQUIRE(after(fetch + "12345678\r\n") == "inside");
  REQUIRE(after(fetch + "12345678\r\n)\r\n") == "start");
  REQUIRE(after("* 1 FETCH (BODY[] ~{2}\r\n\r\n)\r\n") == "start");
  REQUIRE(after("* 1 FETCH (BODY[] {0}\r\n") == "inside");
  REQUIRE(after("* 1 FETCH (BODY[] {0}\r\n)\r\n") == "start");
  REQUIRE(after("* 1 FETCH (A {3}\r\nabc B {2}\r\n\r\n)\r\n") == "start");
  REQUIRE(after("* 1 FETCH (A {3}\r\nabc B {2}\r\n\r\n)") == "inside");
}

TEST_CASE("only {n} directly before CRLF announces a literal") {
  for (const std::string line :
       {"* OK {5} x\r\n", "* OK {5}\" \r\n", "* OK {}\r\n", "* OK {5+}\r\n", "* OK 5}\r\n",
        "* OK {5}\n\r\n", "* OK {x}\r\n", "* OK {12345678901234567890}\r\n", "* OK {5\r\n"}) {
    CAPTURE(line);
    REQUIRE(after(line) == "start");
  }
  REQUIRE(after("* OK {{5}\r\n12345\r\n") == "start");
  REQUIRE(after("* OK {{5}\r\n\r\n") == "inside");
  REQUIRE(after("* OK {1234567890123456789}\r\n\r\n") == "inside");
}

TEST_CASE("what stands in a literal is not looked at") {
  REQUIRE(after("* 1 FETCH (BODY[] {9}\r\n* BYE\r\n\x01\x00)\r\n") == "inside");
  REQUIRE(after(std::string("* 1 FETCH (BODY[] {9}\r\n* BYE\r\n\x01\x00)\r\n", 35)) == "start");
}

TEST_CASE("a whole line * BYE lets the backend close, in any case, at a line's beginning only") {
  REQUIRE(after("* BYE see you\r\n") == "start closing");
  REQUIRE(after("* 1 EXISTS\r\n* bye\r\n") == "start closing");
  REQUIRE(after("* BYE x\r\na OK\r\n") == "start closing");
  REQUIRE(after("* BYE see you") == "inside");
  REQUIRE(after("* BYE\n") == "inside");
  REQUIRE(after("* BYEX\r\n") == "start");
  REQUIRE(after("* OK * BYE\r\n") == "start");
  REQUIRE(after("a OK {3}\r\nabc* BYE x\r\n") == "start");
}

TEST_CASE("control octets outside literals mean another language, for good") {
  REQUIRE(after("a OK DEFLATE active\r\n\x8d\x01\x03\r\n") == "inside closing opaque");
  REQUIRE(after(std::string("* x\0y\r\n", 7)) == "inside closing opaque");
  REQUIRE(after("* OK tab\there, 8-bit \xfc\r\n") == "start");
}
