// Diagnostics as the text that a person reads.
#include "conf/diagnostic.h"

namespace postern::conf {
namespace {

// What goes before the caret: a tab for each tab, a space for each other character.
std::string indentation(const std::string& line, int column) {
  std::string out;
  int characters = 1;
  for (const char c : line) {
    if (characters >= column) break;
    if ((c & 0xC0) == 0x80) continue;  // inside a UTF-8 sequence
    out += c == '\t' ? '\t' : ' ';
    ++characters;
  }
  for (; characters < column; ++characters) out += ' ';
  return out;
}

}  // namespace

std::string text_of(const Diagnostic& diagnostic) {
  const auto& [line, column] = diagnostic.place;
  std::string out = diagnostic.file + ":";
  if (line > 0) out += std::to_string(line) + ":" + std::to_string(column) + ":";
  out += diagnostic.severity == Severity::warning ? " warning: " : " ";
  out += diagnostic.message + "\n";
  if (line > 0 && !diagnostic.line.empty())
    out += diagnostic.line + "\n" + indentation(diagnostic.line, column) + "^\n";
  return out;
}

std::string text_of(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) out += text_of(diagnostic);
  return out;
}

}  // namespace postern::conf
