// See pop3_command.h.
#include "protocols/pop3_command.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocols/line_buffer.h"
#include "protocols/user_name.h"

namespace postern::protocols {

namespace {

// What servers in C skip between words.
constexpr std::string_view kBlanks = " \t\v\f";
constexpr std::size_t kLongestCode = 32;  // octets of a response code that is worth keeping

struct VerbRow {
  std::string_view name;
  Pop3Verb verb;
};

constexpr std::array kVerbs{
    VerbRow{"USER", Pop3Verb::user},      VerbRow{"PASS", Pop3Verb::pass},
    VerbRow{"APOP", Pop3Verb::apop},      VerbRow{"AUTH", Pop3Verb::auth},
    VerbRow{"CAPA", Pop3Verb::capa},      VerbRow{"STLS", Pop3Verb::stls},
    VerbRow{"QUIT", Pop3Verb::quit},      VerbRow{"NOOP", Pop3Verb::noop},
    VerbRow{"XCLIENT", Pop3Verb::hidden}, VerbRow{"STAT", Pop3Verb::other},
    VerbRow{"LIST", Pop3Verb::other},     VerbRow{"RETR", Pop3Verb::other},
    VerbRow{"DELE", Pop3Verb::other},     VerbRow{"RSET", Pop3Verb::other},
    VerbRow{"TOP", Pop3Verb::other},      VerbRow{"UIDL", Pop3Verb::other},
    VerbRow{"RPOP", Pop3Verb::pass},      VerbRow{"LAST", Pop3Verb::other},
    VerbRow{"LANG", Pop3Verb::other},     VerbRow{"UTF8", Pop3Verb::other},
    VerbRow{"XTND", Pop3Verb::other},     VerbRow{"XOIP", Pop3Verb::hidden},
};

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }

bool equals_upper(std::string_view text, std::string_view upper_case) {
  return std::equal(text.begin(), text.end(), upper_case.begin(), upper_case.end(),
                    [](char a, char b) { return upper(a) == b; });
}

}  // namespace

Pop3Command parse_pop3_command(std::string_view line) {
  line = trimmed(without_newline(line));
  const auto end = std::min(line.find_first_of(kBlanks), line.size());
  Pop3Command command;
  command.argument = trimmed(line.substr(end));
  for (const auto& row : kVerbs) {
    if (!equals_upper(line.substr(0, end), row.name)) continue;
    command.verb = row.verb;
    command.name = row.name;
    break;
  }
  return command;
}

void Pop3CommandOrder::add(std::string_view name) {
  if (is_told_ || count_ == kMaxOrderedCommands) return;
  if (count_++ > 0) verbs_.push_back(' ');
  verbs_.append(name);
}

void Pop3CommandOrder::tell(Steps& out) {
  if (std::exchange(is_told_, true)) return;
  out.add(ClientNamed{NamedBy::commands, std::exchange(verbs_, {})});
}

Login pop3_user_login(std::string_view argument) { return {"USER", user_name(argument), {}, true}; }

Login pop3_apop_login(std::string_view argument) {
  return {"APOP", user_name(argument.substr(0, argument.find_first_of(kBlanks))), {}, false};
}

Pop3Auth split_pop3_auth(std::string_view argument) {
  const auto end = std::min(argument.find_first_of(kBlanks), argument.size());
  Pop3Auth auth{argument.substr(0, end), std::nullopt};
  if (equals_upper(auth.mechanism, "MSN")) auth.mechanism = "NTLM";
  const auto response = trimmed(argument.substr(end));
  if (!response.empty()) auth.response = response == "=" ? std::string_view() : response;
  return auth;
}

Pop3Status pop3_status(std::string_view line) {
  line = without_newline(line);
  const auto word = line.substr(0, line.find_first_of(kBlanks));
  if (equals_upper(word, "+OK")) return Pop3Status::ok;
  if (equals_upper(word, "-ERR")) return Pop3Status::error;
  return word == "+" ? Pop3Status::go_on : Pop3Status::none;
}

std::size_t size_of_pop3_codes(std::string_view line) {
  line = without_newline(line);
  const auto behind = [&](std::size_t at) {
    return std::min(line.find_first_not_of(kBlanks, at), line.size());
  };
  const auto status = behind(std::min(line.find_first_of(kBlanks), line.size()));
  if (!line.substr(status).starts_with('[')) return status;
  const auto end = line.find(']', status);
  if (end == std::string_view::npos || end - status > kLongestCode) return status;
  return behind(end + 1);
}

}  // namespace postern::protocols
