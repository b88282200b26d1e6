// See imap_response.h.
#include "protocols/imap_response.h"

#include <algorithm>

#include "protocols/imap_lexer.h"
#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

// The first word up to a space.
std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

// What stands behind the first word and one space.
std::string_view behind_word(std::string_view text) {
  const auto space = text.find(' ');
  return space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
}

ImapStatus status_of(std::string_view word) {
  if (equals_ignoring_case(word, "OK")) return ImapStatus::ok;
  if (equals_ignoring_case(word, "NO")) return ImapStatus::no;
  if (equals_ignoring_case(word, "BAD")) return ImapStatus::bad;
  if (equals_ignoring_case(word, "BYE")) return ImapStatus::bye;
  if (equals_ignoring_case(word, "PREAUTH")) return ImapStatus::preauth;
  return ImapStatus::none;
}

// How long the response code is that begins `text` with "[": up to and with its "]". A capability
// holds none; in a URL (an IPv6 address) it is not followed by a space. All of it without an end.
std::size_t code_size(std::string_view text, std::string_view name) {
  auto end = text.find(']');
  if (equals_ignoring_case(name, "REFERRAL")) {
    const auto before_space = text.find("] ");
    end = before_space == std::string_view::npos ? text.rfind(']') : before_space;
  }
  return end == std::string_view::npos ? text.size() : end + 1;
}

// Edits the text behind a status word: its response code, if it is one that matters.
std::string edit_text(std::string_view text, const Conditions& conditions, ListMoment moment) {
  if (!text.starts_with('[')) return std::string(text);
  const auto name = text.substr(1, text.find_first_of(" ]") - 1);
  const auto code = text.substr(0, code_size(text, name));
  text.remove_prefix(code.size());
  if (equals_ignoring_case(name, "REFERRAL")) {
    return std::string(text.substr(text.starts_with(' ') ? 1 : 0));
  }
  if (!equals_ignoring_case(name, "CAPABILITY")) return std::string(code).append(text);
  const std::string_view bracket = code.ends_with(']') ? "]" : "";
  const auto list = code.substr(1 + name.size(), code.size() - 1 - name.size() - bracket.size());
  std::string edited = "[";
  edited.append(name).append(edit_capabilities(list, conditions, moment));
  return edited.append(bracket).append(text);
}

}  // namespace

ImapResponse read_response(std::string_view line) {
  line = without_newline(line);
  ImapResponse response;
  if (line.empty() || line.starts_with(' ')) return response;
  if (line.starts_with('+')) {
    response.kind = ImapResponse::Kind::continuation;
    return response;
  }
  response.tag = first_word(line);
  response.kind = line.starts_with('*') ? ImapResponse::Kind::untagged : ImapResponse::Kind::tagged;
  response.status = status_of(first_word(behind_word(line)));
  return response;
}

std::string edit_response(std::string_view line, const Conditions& conditions, ListMoment moment) {
  const auto text = without_newline(line);
  const auto newline = line.substr(text.size());
  const auto behind_tag = behind_word(text);
  const auto word = first_word(behind_tag);
  const auto head = text.substr(0, text.size() - behind_tag.size() + word.size());
  std::string edited(head);
  if (equals_ignoring_case(word, "CAPABILITY") && text.starts_with("* ")) {
    edited += edit_capabilities(text.substr(head.size()), conditions, moment);
  } else if (status_of(word) != ImapStatus::none && text.size() > head.size()) {
    edited += ' ';
    edited += edit_text(text.substr(head.size() + 1), conditions, moment);
  } else {
    edited += text.substr(head.size());
  }
  return edited.append(newline);
}

}  // namespace postern::protocols
