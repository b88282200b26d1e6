// See script.h.
#include "test/fuzz/script.h"

#include <algorithm>

namespace postern::test {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes what a backslash begins; where it begins nothing, it stands for itself.
void take_escape(std::string_view& text, ScriptAction& action) {
  constexpr std::string_view kNames = "rnt0\\";
  constexpr std::string_view kOctets("\r\n\t\0\\", 5);
  const char name = text.size() > 1 ? text[1] : '\x7f';
  if (name == '|') {
    action.cuts.push_back(action.bytes.size());
    text.remove_prefix(2);
  } else if (const auto at = kNames.find(name); at != std::string_view::npos) {
    action.bytes += kOctets[at];
    text.remove_prefix(2);
  } else if (name == 'x' && text.size() > 3 && hex_value(text[2]) >= 0 && hex_value(text[3]) >= 0) {
    action.bytes += static_cast<char>(hex_value(text[2]) * 16 + hex_value(text[3]));
    text.remove_prefix(4);
  } else {
    action.bytes += '\\';
    text.remove_prefix(1);
  }
}

std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::size_t take_count(std::string_view& line) {
  std::size_t count = 0;
  while (!line.empty() && line[0] >= '0' && line[0] <= '9' && count < kMostActions) {
    count = count * 10 + static_cast<std::size_t>(line[0] - '0');
    line.remove_prefix(1);
  }
  return count == 0 ? 1 : std::min(count, kMostActions);
}

}  // namespace

Script read_script(std::string_view input) {
  Script script;
  script.conditions = take_line(input);
  std::size_t octets = 0;
  while (!input.empty()) {
    auto line = take_line(input);
    const auto count = take_count(line);
    if (line.empty()) continue;
    ScriptAction action;
    action.kind = line[0];
    line.remove_prefix(line.starts_with(std::string{line[0], ' '}) ? 2 : 1);
    while (!line.empty()) {
      if (line[0] == '\\') {
        take_escape(line, action);
      } else {
        const auto plain = line.substr(0, line.find('\\'));
        action.bytes += plain;
        line.remove_prefix(plain.size());
      }
    }
    if (action.kind == 'C' || action.kind == 'B') action.bytes += "\r\n";
    for (std::size_t i = 0; i < count; ++i) {
      octets += action.bytes.size();
      if (script.actions.size() >= kMostActions || octets > kMostOctets) return script;
      script.actions.push_back(action);
    }
  }
  return script;
}

std::size_t next_piece(const ScriptAction& action, std::size_t fed, Cutting cutting,
                       std::size_t octets_in_all) {
  constexpr std::size_t kSmall = 61;
  const std::size_t left = action.bytes.size() - fed;
  if (cutting == Cutting::fine) return octets_in_all <= kShortScript ? 1 : std::min(left, kSmall);
  if (cutting == Cutting::none) return left;
  const auto cut = std::upper_bound(action.cuts.begin(), action.cuts.end(), fed);
  return cut == action.cuts.end() ? left : *cut - fed;
}

}  // namespace postern::test
