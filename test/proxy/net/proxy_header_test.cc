// The PROXY header: what it says, what is none, and that its cutting does not matter.
#include "proxy/net/proxy_header.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using postern::net::ProxyHeader;
using State = ProxyHeader::State;

namespace {

using namespace std::string_literals;

// "192.0.2.1:25 198.51.100.2:143 +REST", "own +REST", "broken", "reading".
std::string told(std::string_view bytes, std::size_t piece) {
  ProxyHeader header;
  std::size_t at = 0;
  while (at < bytes.size() && header.state() == State::reading) {
    const auto part = bytes.substr(at, piece);
    const auto taken = header.feed(part);
    REQUIRE(taken <= part.size());
    if (header.state() == State::reading) REQUIRE(taken == part.size());
    at += taken;
  }
  if (header.state() == State::reading) return "reading";
  // Later octets are not its own.
  REQUIRE(header.feed("PROXY UNKNOWN\r\n") == 0);
  if (header.state() == State::broken) {
    REQUIRE(!header.ends());
    return "broken";
  }
  const auto& ends = header.ends();
  return (ends ? ends->source.text() + " " + ends->destination.text() : "own") + " +" +
         std::string(bytes.substr(at));
}

// The same for every size of piece.
std::string told(std::string_view bytes) {
  const auto whole = told(bytes, bytes.size() + 1);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) CHECK(told(bytes, piece) == whole);
  // A shorter one waits, or is broken where the whole is; it is never complete before its time.
  const auto size = whole.find(" +") == std::string::npos
                        ? bytes.size()
                        : bytes.size() - (whole.size() - whole.find(" +") - 2);
  for (std::size_t cut = 0; cut < size; ++cut) {
    const auto part = told(bytes.substr(0, cut), cut + 1);
    CHECK((part == "reading" || (part == "broken" && whole == "broken")));
  }
  return whole;
}

std::string v2(unsigned command, unsigned transport, const std::string& body,
               std::size_t announced) {
  auto text = "\r\n\r\n\0\r\nQUIT\n"s;
  text += static_cast<char>(command);
  text += static_cast<char>(transport);
  text += static_cast<char>(announced >> 8);
  text += static_cast<char>(announced & 0xff);
  return text + body;
}

std::string v2(unsigned command, unsigned transport, const std::string& body) {
  return v2(command, transport, body, body.size());
}

const std::string kV4Body = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xe0\x00\x00\x8f"s;
const std::string kV6Body =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x01\xff\xff"s;

}  // namespace

TEST_CASE("a PROXY header of version 1 names the connection's ends") {
  CHECK(told("PROXY TCP4 192.0.2.1 198.51.100.2 57344 143\r\na NOOP\r\n") ==
        "192.0.2.1:57344 198.51.100.2:143 +a NOOP\r\n");
  CHECK(told("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n") ==
        "255.255.255.255:65535 255.255.255.255:65535 +");
  CHECK(told("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n") == "0.0.0.0:0 0.0.0.0:0 +");
  CHECK(told("PROXY TCP6 2001:db8::1 2001:DB8::2 1 65535\r\n") ==
        "[2001:db8::1]:1 [2001:db8::2]:65535 +");
  CHECK(told("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n") ==
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 "
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 +");
  // A mapped address is the IPv4 one, as everywhere.
  CHECK(told("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n") == "192.0.2.1:1 [::1]:2 +");
}

TEST_CASE("a PROXY header of version 1 may know no addresses") {
  CHECK(told("PROXY UNKNOWN\r\nx") == "own +x");
  CHECK(told("PROXY UNKNOWN ffff::1 anything at  all\r\n") == "own +");
  CHECK(told("PROXY UNKNOWN" + std::string(107 - 15, ' ') + "\r\n") == "own +");
}

TEST_CASE("a line that is no PROXY header of version 1 is broken") {
  for (const std::string line : {"PROXY TCP4 192.0.2.1 198.51.100.2 57344 143\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 57344 143\r",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 57344\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2\r\n",
                                 "PROXY TCP4\r\n",
                                 "PROXY \r\n",
                                 "PROXY\r\n",
                                 "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 1  2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 1 99999999999\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
                                 "PROXY TCP4 192.0.2.1 198.51.100.2 1 0x2\r\n",
                                 "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 ::1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP6 ::1 192.0.2.1 1 2\r\n",
                                 "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
                                 "PROXY TCP6 [::1] ::1 1 2\r\n",
                                 "PROXY TCP4 mail.example.com 198.51.100.2 1 2\r\n",
                                 "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY UNKNOWNS\r\n",
                                 "PROXY unknown\r\n",
                                 "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 " PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY\tTCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                 "PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n",
                                 "PROXY UNKNOWN \x80\r\n",
                                 "PROXY UNKNOWN \x7f\r\n",
                                 "PROXY UNKNOWN \rx\r\n",
                                 "PROXY UNKNOWN \r\r\n",
                                 "EHLO client.example.test\r\n",
                                 "a LOGIN anna secret\r\n",
                                 "\n",
                                 "\x16\x03\x01"}) {
    INFO(line);
    CHECK(told(line + (line.ends_with('\r') ? "x" : "")) == "broken");
  }
  CHECK(told("PROXY UNKNOWN \0\r\n"s) == "broken");
  // One octet more than the longest, and no end in sight.
  CHECK(told("PROXY UNKNOWN" + std::string(108 - 15, ' ') + "\r\n") == "broken");
  CHECK(told("PROXY UNKNOWN" + std::string(1000, ' ')) == "broken");
}

TEST_CASE("a PROXY header of version 2 names the connection's ends") {
  CHECK(told(v2(0x21, 0x11, kV4Body) + "EHLO") == "192.0.2.1:57344 198.51.100.2:143 +EHLO");
  CHECK(told(v2(0x21, 0x21, kV6Body) + "EHLO") == "[2001:db8::1]:1 [2001:db8::2]:65535 +EHLO");
  // TLVs are skipped, be they well formed or not.
  CHECK(told(v2(0x21, 0x11, kV4Body + "\x02\x00\x04mail"s) + "x") ==
        "192.0.2.1:57344 198.51.100.2:143 +x");
  CHECK(told(v2(0x21, 0x21, kV6Body + std::string(300, '\xff')) + "x") ==
        "[2001:db8::1]:1 [2001:db8::2]:65535 +x");
}

TEST_CASE("a PROXY header of version 2 may know no addresses of TCP") {
  // A balancer's own connection, such as a probe: what else it says does not count.
  CHECK(told(v2(0x20, 0x00, "") + "x") == "own +x");
  CHECK(told(v2(0x20, 0x11, kV4Body) + "x") == "own +x");
  CHECK(told(v2(0x20, 0xff, "abc") + "x") == "own +x");
  CHECK(told(v2(0x21, 0x00, "") + "x") == "own +x");
  CHECK(told(v2(0x21, 0x00, "\x03\x00\x01z"s) + "x") == "own +x");
  CHECK(told(v2(0x21, 0x12, kV4Body) + "x") == "own +x");
  CHECK(told(v2(0x21, 0x31, std::string(216, 'u')) + "x") == "own +x");
}

TEST_CASE("what is no PROXY header of version 2 is broken") {
  CHECK(told(v2(0x11, 0x11, kV4Body)) == "broken");  // version 1 in binary
  CHECK(told(v2(0x31, 0x11, kV4Body)) == "broken");
  CHECK(told(v2(0x22, 0x11, kV4Body)) == "broken");  // an unknown command
  CHECK(told(v2(0x2f, 0x11, kV4Body)) == "broken");
  CHECK(told(v2(0x21, 0x41, kV4Body)) == "broken");            // an unknown family
  CHECK(told(v2(0x21, 0x13, kV4Body)) == "broken");            // an unknown transport
  CHECK(told(v2(0x21, 0x11, kV4Body.substr(1))) == "broken");  // too short for its family
  CHECK(told(v2(0x21, 0x21, kV6Body.substr(1))) == "broken");
  CHECK(told(v2(0x21, 0x11, "")) == "broken");
  CHECK(told("\r\n\r\n\0\r\nQUIT\r\n\x21\x11"s) == "broken");
  CHECK(told("\r\n\r\nQUIT\r\n") == "broken");
}

TEST_CASE("a PROXY header of version 2 has a bound, whatever it announces") {
  const auto fits = ProxyHeader::kLongestV2Body;
  for (const unsigned command : {0x20U, 0x21U}) {
    const auto longest = v2(command, 0, std::string(fits, 'x')) + "y";
    CHECK(told(longest, longest.size()) == "own +y");
    CHECK(told(longest, 1) == "own +y");
    CHECK(told(v2(command, 0, "", fits + 1)) == "broken");
    CHECK(told(v2(command, 0, "", 0xffff)) == "broken");
  }
}
