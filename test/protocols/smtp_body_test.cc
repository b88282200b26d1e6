// A message is looked through 64 octets at a time where that can be; an octet at a time must see the
// same.
#include "protocols/smtp_body.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

using namespace postern::protocols;

namespace {

struct Seen {
  std::string passed;
  std::size_t taken = 0;
  SmtpBody::Found found = SmtpBody::Found::nothing;
  bool operator==(const Seen&) const = default;
};

Seen scan(std::string_view message, std::size_t at_once, BareNewlines bare_newlines) {
  SmtpBody body(bare_newlines);
  body.begin();
  Seen seen;
  while (!message.empty() && seen.found == SmtpBody::Found::nothing) {
    const auto piece = message.substr(0, at_once);
    const auto scan = body.scan(piece);
    if (scan.owed_cr) seen.passed += '\r';
    seen.passed += piece.substr(0, scan.passed);
    seen.taken += scan.taken;
    seen.found = scan.found;
    message.remove_prefix(piece.size());
  }
  if (seen.found == SmtpBody::Found::bare_newline) seen.taken = 0;  // nothing that may be used
  return seen;
}

}  // namespace

TEST_CASE("what is found in a message is the same whole and octet by octet") {
  const auto bare_newlines = GENERATE(BareNewlines::reject, BareNewlines::pass);
  std::mt19937 random(7);
  int ends = 0;
  int faults = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string message;
    // Lines of a length each, with something odd in a few of them.
    const auto lines = 1 + random() % 20;
    const auto longest = 1 + random() % 150;
    for (unsigned line = 0; line < lines; ++line) {
      message += std::string(random() % longest, 'x');
      switch (random() % 40) {
        case 0:
          message += '\r';
          break;
        case 1:
          message += '\n';
          break;
        case 2:
          message += "\r\n.";
          break;
        case 3:
          message += std::string("\r\n\0", 3);
          break;
        case 4:
          message += std::string("\r\n\0.", 4);
          break;
        case 5:
          message += "\r\r";
          break;
        case 6:
          message += "\r\n..";
          break;
        default:
          break;
      }
      message += "\r\n";
    }
    const auto whole = scan(message, message.size(), bare_newlines);
    INFO(message);
    REQUIRE(whole == scan(message, 1, bare_newlines));
    REQUIRE(whole == scan(message, 65 + random() % 200, bare_newlines));
    ends += whole.found == SmtpBody::Found::end ? 1 : 0;
    faults += whole.found == SmtpBody::Found::bare_newline ? 1 : 0;
  }
  CHECK(ends > 100);
  CHECK((bare_newlines == BareNewlines::pass || faults > 100));
}
