// Lines, characters and what is no text.
#include "conf/source.h"

#include <algorithm>

#include "conf/findings.h"

namespace postern::conf {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kLongestQuote = 60;  // octets

bool is_continuation(char c) { return (c & 0xC0) == 0x80; }

// `text` with '?' in the place of what is no printable text; tabs stay.
std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const bool is_shown = length > 0 && (text[0] == '\t' || !is_control(text));
    if (is_shown)
      out += text.substr(0, length);
    else
      out += '?';
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::size_t character_length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!is_continuation(text[i])) return 0;
  const unsigned second = octet(1);
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

bool is_control(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x20 || first == 0x7F) return true;
  return first == 0xC2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0;
}

std::string shown(std::string_view text) {
  std::string out = "`";
  std::size_t length = std::min(text.size(), kLongestQuote);
  while (length < text.size() && length > 0 && is_continuation(text[length])) --length;
  for (const char c : printable(text.substr(0, length))) out += c == '\t' ? '?' : c;
  if (length < text.size()) out += "...";
  return out + "`";
}

Source::Source(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  if (text_.size() > kLargestFile) return;  // is_clean() refuses it
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

Place Source::place(int line, int octet) const {
  if (line < 0 || octet < 0) return {1, 1};
  if (static_cast<std::size_t>(line) >= lines_.size()) return {line + 1, octet + 1};
  const auto& text = lines_[static_cast<std::size_t>(line)];
  const auto before = text.substr(0, static_cast<std::size_t>(octet));
  const auto continuations = std::count_if(before.begin(), before.end(), is_continuation);
  return {line + 1, octet + 1 - static_cast<int>(continuations)};
}

std::string_view Source::from(int line, int octet) const {
  if (line < 0 || octet < 0 || static_cast<std::size_t>(line) >= lines_.size()) return "";
  const auto start = lines_[static_cast<std::size_t>(line)].data() - text_.data() + octet;
  return text_.substr(std::min(static_cast<std::size_t>(start), text_.size()));
}

std::string Source::excerpt(int line) const {
  if (line < 1 || static_cast<std::size_t>(line) > lines_.size()) return "";
  const auto& text = lines_[static_cast<std::size_t>(line) - 1];
  return text.size() > kLongestExcerpt ? "" : printable(text);
}

// One finding a line is enough: the rest of a broken line tells nothing new.
void Source::find_faults(int line, Findings& findings) const {
  const auto& text = lines_[static_cast<std::size_t>(line) - 1];
  if (text.size() > kLongestLine)
    return findings.error({line, 1}, "a line of " + std::to_string(text.size()) +
                                         " octets; expected at most " +
                                         std::to_string(kLongestLine));
  const std::size_t indentation = text.find_first_not_of(" \t");
  if (indentation == std::string_view::npos) return;
  const std::size_t tab = text.find('\t');
  if (tab < indentation)
    return findings.error({line, static_cast<int>(tab) + 1},
                          "a tab in the indentation; expected spaces");
  int column = 1;
  for (std::string_view rest = text; !rest.empty(); ++column) {
    const std::size_t length = character_length(rest);
    if (length == 0) return findings.error({line, column}, "not UTF-8; expected UTF-8 text");
    if (rest[0] != '\t' && is_control(rest))
      return findings.error({line, column}, "a control character; expected text");
    rest.remove_prefix(length);
  }
}

bool Source::is_clean(Findings& findings) const {
  if (text_.size() > kLargestFile) {
    findings.error({}, "larger than 1 MiB; expected a settings file");
    return false;
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) find_faults(static_cast<int>(i) + 1, findings);
  return !findings.has_errors();
}

}  // namespace postern::conf
