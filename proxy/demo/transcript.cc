// Printing the tour, see transcript.h.
#include "proxy/demo/transcript.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kGreen = "\033[32m";
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kCyan = "\033[36m";
constexpr std::string_view kEnd = "\033[0m";

constexpr std::size_t kMaxShown = 600;  // octets of one line

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What a server says must not reach the terminal as control sequences.
std::string printable(std::string_view line) {
  std::string text(line.substr(0, kMaxShown));
  std::ranges::replace_if(
      text, [](char octet) { return octet < ' ' || octet > '~'; }, '?');
  return text + (line.size() > kMaxShown ? "..." : "");
}

}  // namespace

Look look_of_standard_output() {
  if (isatty(STDOUT_FILENO) == 0) {
    return {};
  }
  std::string_view locale = variable("LC_ALL");
  locale = locale.empty() ? variable("LC_CTYPE") : locale;
  locale = locale.empty() ? variable("LANG") : locale;
  const std::string name = upper(locale);
  return {.has_colours = variable("NO_COLOR").empty() && variable("TERM") != "dumb",
          .has_unicode = name.find("UTF-8") != name.npos || name.find("UTF8") != name.npos};
}

std::string Transcript::painted(std::string_view colour, std::string_view text) const {
  return look_.has_colours ? std::string(colour) + std::string(text) + std::string(kEnd)
                           : std::string(text);
}

void Transcript::step(std::string_view title) {
  ++steps_;
  out_ << "\n" << painted(kBold, std::to_string(steps_) + ". " + std::string(title)) << std::endl;
}

void Transcript::speak(std::string_view who, std::string_view line) {
  out_ << "   " << painted(who == "C: " ? kCyan : kDim, who) << printable(line) << std::endl;
}

void Transcript::note(std::string_view text) {
  out_ << "   " << painted(kDim, "-- " + std::string(text)) << std::endl;
}

bool Transcript::check(bool is_so, std::string_view what) {
  ++checked_;
  failed_ += is_so ? 0 : 1;
  const std::string_view sign = look_.has_unicode ? (is_so ? "✓" : "✗") : (is_so ? "ok" : "FAILED");
  out_ << "   " << painted(is_so ? kGreen : kRed, std::string(sign) + " " + std::string(what))
       << std::endl;
  return is_so;
}

void Transcript::sum_up() {
  const std::string text =
      all_good() ? "All " + std::to_string(checked_) + " checks passed."
                 : std::to_string(failed_) + " of " + std::to_string(checked_) + " checks FAILED.";
  out_ << "\n" << painted(all_good() ? kGreen : kRed, text) << std::endl;
}

}  // namespace postern::demo
