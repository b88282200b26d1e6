// The tracker of a logged-in IMAP stream. What must hold:
//   - it agrees with a slow model that keeps whole lines;
//   - any cutting gives the same: the first octet says how long the pieces are.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocols/imap_boundary.h"

using postern::protocols::ImapBoundary;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

// The number in a line that ends in {n}CR, if its digits are 1 to 19; else -1.
long long announced(const std::string& line) {
  if (!line.ends_with("}\r")) return -1;
  const auto brace = line.rfind('{');
  if (brace == std::string::npos) return -1;
  const auto digits = line.substr(brace + 1, line.size() - brace - 3);
  if (digits.empty() || digits.size() > 19) return -1;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  const auto value = std::stoull(digits);
  return static_cast<long long>(value > 1'000'000 ? 1'000'000 : value);  // beyond any input
}

struct Model {
  std::string line;
  bool fresh = true;  // `line` began at a line's beginning, not behind a literal
  long long literal = 0;
  bool bye = false;
  bool opaque = false;

  void feed(char c) {
    if (opaque) return;
    if (literal > 0) {
      --literal;
      return;
    }
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 && c != '\r' && c != '\n' && c != '\t') opaque = true;
    if (c != '\n') {
      line += c;
      return;
    }
    if (const auto octets = announced(line); octets >= 0) {
      literal = octets;
      fresh = false;
    } else if (line.ends_with('\r')) {
      const auto head = line.substr(0, 6);
      const bool named = head.size() == 6 && head.starts_with("* ") && (head[2] | 0x20) == 'b' &&
                         (head[3] | 0x20) == 'y' && (head[4] | 0x20) == 'e';
      bye = bye || (fresh && named && (head[5] == ' ' || head[5] == '\r'));
      fresh = true;
    } else {
      fresh = false;
    }
    line.clear();
  }
  bool at_line_start() const { return !opaque && literal == 0 && fresh && line.empty(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? 256 : data[0];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Model model;
  ImapBoundary boundary;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    const std::string bytes(input.substr(at, piece));
    boundary.feed(bytes);
    for (const char c : bytes) model.feed(c);
    demand(boundary.opaque() == model.opaque);
    demand(boundary.at_line_start() == model.at_line_start());
    demand(boundary.may_close() == (model.bye || model.opaque));
  }
  return 0;
}
