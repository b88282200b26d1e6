// See trace.h.
#include "test/sim/trace.h"

#include <fmt/format.h>

#include <cstdio>

#include "test/sim/random.h"

namespace postern::sim {

void Trace::mix_in(std::uint64_t number) { hash_ = mix(hash_ ^ number); }

void Trace::note(Moment when, int who, std::string_view what, std::uint64_t number,
                 std::string_view text) {
  mix_in(static_cast<std::uint64_t>(when));
  mix_in(static_cast<std::uint64_t>(who));
  mix_in(number);
  // FNV-1a: quick, and the same everywhere.
  std::uint64_t words = 0xcbf29ce484222325;
  for (const auto part : {what, text}) {
    for (const char c : part) words = (words ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  mix_in(words);
  if (output_ == Output::hash) return;
  const auto line =
      fmt::format("{:>13.6f}  {}{}  {:<18} {:>7}  {}\n", static_cast<double>(when) / 1e6, who / 10,
                  who % 10 == 0 ? "." : (who % 10 == 1 ? "c" : "b"), what, number, shown(text));
  std::fwrite(line.data(), 1, line.size(), stdout);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 160;
  std::string line;
  for (const char c : text.substr(0, kMost)) {
    if (c == '\r') {
      line += "\\r";
    } else if (c == '\n') {
      line += "\\n";
    } else if (c < ' ' || c > '~') {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  if (text.size() > kMost) line += fmt::format("… ({} octets)", text.size());
  return line;
}

}  // namespace postern::sim
