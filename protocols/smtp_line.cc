// See smtp_line.h.
#include "protocols/smtp_line.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

struct VerbRow {
  std::string_view name;
  SmtpVerb verb;
};

constexpr std::array kVerbs = {
    VerbRow{"RCPT", SmtpVerb::rcpt},         VerbRow{"MAIL", SmtpVerb::mail},
    VerbRow{"DATA", SmtpVerb::data},         VerbRow{"BDAT", SmtpVerb::bdat},
    VerbRow{"RSET", SmtpVerb::rset},         VerbRow{"EHLO", SmtpVerb::ehlo},
    VerbRow{"HELO", SmtpVerb::helo},         VerbRow{"NOOP", SmtpVerb::noop},
    VerbRow{"QUIT", SmtpVerb::quit},         VerbRow{"HELP", SmtpVerb::help},
    VerbRow{"AUTH", SmtpVerb::auth},         VerbRow{"X-EXPS", SmtpVerb::auth},
    VerbRow{"STARTTLS", SmtpVerb::starttls}, VerbRow{"X-ANONYMOUSTLS", SmtpVerb::hidden},
    VerbRow{"VRFY", SmtpVerb::known},        VerbRow{"EXPN", SmtpVerb::known},
    VerbRow{"ETRN", SmtpVerb::known},        VerbRow{"ATRN", SmtpVerb::known},
    VerbRow{"TURN", SmtpVerb::known},        VerbRow{"SEND", SmtpVerb::known},
    VerbRow{"SOML", SmtpVerb::known},        VerbRow{"SAML", SmtpVerb::known},
    VerbRow{"VERB", SmtpVerb::known},        VerbRow{"BURL", SmtpVerb::known},
};

// No verb that can be known or hidden is longer.
constexpr std::size_t kLongestVerb = 64;
// "2.777.777", RFC 3463 2.
constexpr std::size_t kEnhanced = 9;

constexpr bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' '; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the first word off `text`, and the blanks behind it.
std::string_view take_word(std::string_view& text) {
  const auto end = std::find_if(text.begin(), text.end(), is_blank);
  const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text = trimmed(text.substr(word.size()));
  return word;
}

}  // namespace

SmtpCommand parse_smtp_command(std::string_view line,
                               const std::set<std::string, std::less<>>& hidden_verbs) {
  SmtpCommand command;
  command.argument = trimmed(line);
  const auto word = take_word(command.argument);
  if (word.empty() || word.size() > kLongestVerb) return command;
  std::string name(word);
  std::transform(name.begin(), name.end(), name.begin(), upper);

  // As in an EHLO list, "X-EXPS=LOGIN" is X-EXPS.
  const auto before_equals = name.substr(0, name.find('='));
  auto hidden = hidden_verbs.find(name);
  if (hidden == hidden_verbs.end()) hidden = hidden_verbs.find(before_equals);
  if (hidden != hidden_verbs.end()) {
    command.verb = SmtpVerb::hidden;
    command.name = *hidden;
    return command;
  }
  for (const auto& row : kVerbs) {
    const bool is_login = row.verb == SmtpVerb::auth && row.name == before_equals;
    if (row.name != name && !is_login) continue;
    command.verb = row.verb;
    command.name = row.name;
    if (row.name == name) break;
    command.argument = trimmed(line);  // "AUTH=LOGIN", as old lists have it
    command.argument.remove_prefix(before_equals.size() + 1);
    break;
  }
  return command;
}

SmtpWords smtp_words(std::string_view argument) {
  argument = trimmed(argument);
  SmtpWords words;
  words.first = take_word(argument);
  words.rest = argument;
  return words;
}

std::optional<std::uint64_t> parse_bdat(std::string_view line) {
  std::string text(without_newline(line));
  std::transform(text.begin(), text.end(), text.begin(), upper);
  std::string_view left = text;
  const auto word = [&left] {
    left.remove_prefix(std::min(left.find_first_not_of(' '), left.size()));
    const auto found = left.substr(0, left.find(' '));
    left.remove_prefix(found.size());
    return found;
  };
  if (!left.starts_with("BDAT ")) return std::nullopt;
  word();
  const auto digits = word();
  std::uint64_t size = 0;
  const auto* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, size);
  if (read.ec != std::errc() || read.ptr != end || size > kMaxChunk) return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  if (left.empty()) return size;
  if (word() != "LAST" || !left.empty()) return std::nullopt;
  return size;
}

std::optional<SmtpReplyLine> parse_smtp_reply(std::string_view line) {
  line = without_newline(line);
  if (line.size() < 3 || line[0] < '2' || line[0] > '5') return std::nullopt;
  SmtpReplyLine reply;
  for (const char c : line.substr(0, 3)) {
    if (c < '0' || c > '9') return std::nullopt;
    reply.code = 10 * reply.code + (c - '0');
  }
  if (line.size() == 3) {
    reply.last = true;
  } else {
    if (line[3] != ' ' && line[3] != '-') return std::nullopt;
    reply.last = line[3] == ' ';
  }
  return reply;
}

std::size_t size_of_codes(std::string_view reply_line) {
  constexpr std::size_t kCode = 4;  // "235 "
  const auto line = without_newline(reply_line);
  if (line.size() <= kCode) return line.size();
  const auto word = line.substr(kCode, line.find(' ', kCode) - kCode);
  const bool is_code = std::count(word.begin(), word.end(), '.') == 2 && word.size() <= kEnhanced &&
                       word.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_code ? std::min(kCode + word.size() + 1, line.size()) : kCode;
}

}  // namespace postern::protocols
