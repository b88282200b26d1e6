// See smtp_ehlo.h.
#include "protocols/smtp_ehlo.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

constexpr std::size_t kCode = 3;            // digits of a reply code
constexpr std::size_t kPrefix = kCode + 1;  // the code and `-` or a space

// Keywords that never pass: the way behind postern is clear, and postern is where TLS ends.
constexpr std::array<std::string_view, 3> kNeverShown = {"STARTTLS", "X-ANONYMOUSTLS",
                                                         "REQUIRETLS"};

std::string upper(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return made;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool works_through_proxy(std::string_view mechanism) {
  const auto name = upper(mechanism);
  return name != "EXTERNAL" && !name.ends_with("-PLUS");
}

// Takes mechanisms from "250-AUTH A B\r\n" or "250-AUTH=A B\r\n", where `list` is the place of the
// first octet behind the keyword. Each goes with the blanks before it; the first one behind `=`,
// which has none, with those behind it. None: no mechanism is left of those there were.
std::optional<std::string> without_bound_mechanisms(std::string_view line, std::size_t list) {
  const auto end = without_newline(line).size();
  std::string edited(line.substr(0, list));
  auto at = list;
  if (at < end && line[at] == '=') edited += line[at++];
  std::size_t found = 0;
  std::size_t left = 0;
  bool drop_blanks = false;
  while (at < end) {
    auto word = at;
    while (word < end && is_blank(line[word])) ++word;
    auto behind = word;
    while (behind < end && !is_blank(line[behind])) ++behind;
    if (word == behind) break;  // blanks at the end of the line
    ++found;
    if (works_through_proxy(line.substr(word, behind - word))) {
      const auto from = drop_blanks ? word : at;
      edited += line.substr(from, behind - from);
      drop_blanks = false;
      ++left;
    } else {
      drop_blanks = drop_blanks || word == at;
    }
    at = behind;
  }
  if (found > 0 && left == 0) return std::nullopt;
  edited += line.substr(at);
  return edited;
}

// One line behind the first, edited. None: it goes.
std::optional<std::string> edited_line(std::string_view line, const EhloEdits& edits,
                                       EditedEhlo& result) {
  const auto text = without_newline(line).substr(std::min(kPrefix, without_newline(line).size()));
  const auto length = std::min(text.find_first_of(" \t="), text.size());
  const auto keyword = upper(text.substr(0, length));
  if (std::find(kNeverShown.begin(), kNeverShown.end(), keyword) != kNeverShown.end() ||
      edits.hidden_verbs.contains(keyword)) {
    return std::nullopt;
  }
  const bool lists_logins = keyword == "AUTH" || keyword == "X-EXPS";
  if (lists_logins && edits.logins == EhloEdits::Logins::hidden) return std::nullopt;
  if (lists_logins) return without_bound_mechanisms(line, kPrefix + length);
  if (keyword == "CHUNKING") result.chunking = true;
  return std::string(line);
}

// Makes a line the last of its reply, or not. A last line that is a code alone may stay so.
void set_separator(std::string& line, char separator) {
  if (line.size() > kCode && (line[kCode] == ' ' || line[kCode] == '-')) {
    line[kCode] = separator;
  } else if (separator == '-') {
    line.insert(kCode, 1, separator);
  }
}

}  // namespace

EditedEhlo edit_ehlo(std::string_view reply, const EhloEdits& edits) {
  EditedEhlo result;
  std::vector<std::string> lines;
  while (!reply.empty()) {
    const auto end = std::min(reply.find('\n'), reply.size() - 1) + 1;
    const auto line = reply.substr(0, end);
    reply.remove_prefix(end);
    if (lines.empty()) {
      lines.emplace_back(line);
      if (edits.starttls == EhloEdits::Starttls::offered) {
        lines.push_back(std::string(line.substr(0, kCode)) + "-STARTTLS\r\n");
      }
    } else if (auto edited = edited_line(line, edits, result)) {
      lines.push_back(std::move(*edited));
    }
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    set_separator(lines[i], i + 1 == lines.size() ? ' ' : '-');
    result.text += lines[i];
  }
  return result;
}

}  // namespace postern::protocols
