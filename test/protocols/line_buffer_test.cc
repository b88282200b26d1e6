// Lines and counted octets from a stream in pieces.
#include "protocols/line_buffer.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using postern::protocols::is_clean_line;
using postern::protocols::LineBuffer;
using postern::protocols::without_newline;

namespace {

// All lines of `input` when it comes in pieces of `size`; a line over the limit shows as "TOO LONG".
std::vector<std::string> lines(std::string_view input, std::size_t size, std::size_t limit) {
  LineBuffer buffer(limit);
  std::vector<std::string> found;
  while (!input.empty()) {
    buffer.open(input.substr(0, size));
    input.remove_prefix(std::min(size, input.size()));
    while (const auto line = buffer.line()) found.emplace_back(*line);
    if (buffer.too_long()) {
      found.emplace_back("TOO LONG");
      return found;
    }
    buffer.close();
  }
  if (!buffer.empty()) found.push_back("left: " + buffer.take_rest());
  return found;
}

}  // namespace

TEST_CASE("any cutting gives the same lines") {
  const std::string input = "a\r\n\r\nsecond line\r\n\nbare\nrest";
  const auto whole = lines(input, input.size(), 100);
  REQUIRE(whole == std::vector<std::string>{"a\r\n", "\r\n", "second line\r\n", "\n", "bare\n",
                                            "left: rest"});
  for (std::size_t size = 1; size < input.size(); ++size) REQUIRE(lines(input, size, 100) == whole);
}

TEST_CASE("a line of the limit passes, one octet more is too long, ended or not, however cut") {
  for (const std::string input : {"12345678\r\nab\r\n", "123456789\r\nab\r\n", "12345678901"}) {
    const auto whole = lines(input, input.size(), 10);
    REQUIRE((whole.front() == "TOO LONG") == (input[8] != '\r'));
    for (std::size_t size = 1; size < input.size(); ++size)
      REQUIRE(lines(input, size, 10) == whole);
  }
}

TEST_CASE("counted octets come out across pieces, and lines go on behind them") {
  LineBuffer buffer(100);
  buffer.open("{4}\r\nab");
  REQUIRE(buffer.line() == "{4}\r\n");
  REQUIRE(buffer.take(4) == "ab");
  buffer.close();
  buffer.open("cd next");
  REQUIRE(buffer.take(2) == "cd");
  REQUIRE_FALSE(buffer.line());
  buffer.close();
  buffer.open("\r\n");
  REQUIRE(buffer.line() == " next\r\n");
  buffer.close();
  REQUIRE(buffer.empty());
}

TEST_CASE("a look at what comes next takes nothing, in a kept piece and in a new one") {
  LineBuffer buffer(100);
  REQUIRE(buffer.peek().empty());
  buffer.open("abc");
  REQUIRE(buffer.take(1) == "a");
  REQUIRE(buffer.peek() == "bc");
  REQUIRE(buffer.size() == 2);
  buffer.close();
  buffer.open("def");
  REQUIRE(buffer.peek() == "bc");
  REQUIRE(buffer.take(5) == "bc");
  REQUIRE(buffer.peek() == "def");
  REQUIRE(buffer.take(5) == "def");
  REQUIRE(buffer.empty());
}

TEST_CASE("what was not taken comes back whole as the rest") {
  LineBuffer buffer(100);
  buffer.open("STARTTLS\r\n\x16\x03\x01");
  REQUIRE(buffer.line() == "STARTTLS\r\n");
  REQUIRE(buffer.take_rest() == "\x16\x03\x01");
  REQUIRE(buffer.empty());
}

TEST_CASE("a line that begins an HTTP request is no clean line, one that only names HTTP is") {
  for (const char* const method :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    REQUIRE_FALSE(is_clean_line(std::string(method) + " / HTTP/1.1\r\n"));
  }
  REQUIRE_FALSE(is_clean_line("GET http://mail.example.test:25/?a=b HTTP/1.0\r\n"));
  REQUIRE_FALSE(is_clean_line("PRI * HTTP/2.0\r\n"));
  REQUIRE(is_clean_line("GET HTTP/1.1\r\n"));
  REQUIRE(is_clean_line("GET NOOP\r\n"));
  REQUIRE(is_clean_line("a1 SELECT HTTP/1.1\r\n"));
  REQUIRE(is_clean_line("NOOP GET / HTTP/1.1\r\n"));
}

TEST_CASE("only CRLF ends a clean line, and neither CR, LF nor NUL may stand inside") {
  REQUIRE(is_clean_line("NOOP\r\n"));
  REQUIRE(is_clean_line("\r\n"));
  REQUIRE_FALSE(is_clean_line("NOOP\n"));
  REQUIRE_FALSE(is_clean_line("NO\rOP\r\n"));
  REQUIRE_FALSE(is_clean_line(std::string_view("NO\0OP\r\n", 7)));
  REQUIRE(without_newline("NOOP\r\n") == "NOOP");
  REQUIRE(without_newline("NOOP\n") == "NOOP");
}
