// See imap_login.h.
#include "protocols/imap_login.h"

#include <algorithm>

#include "protocols/line_buffer.h"
#include "protocols/user_name.h"

namespace postern::protocols {

namespace {

constexpr std::size_t kLongestMechanism = 32;  // RFC 4422 section 3.1 allows 20

bool is_mechanism_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// No atom holds a control (RFC 9051 section 9): what stands behind a tab may be the password. Nor
// does anything stand behind a quoted string but a space, or is a literal announced within an atom.
bool is_unreadable(const ImapArguments::Token& token, std::string_view line) {
  using Kind = ImapArguments::Kind;
  if (token.kind == Kind::broken) return true;
  if (token.kind != Kind::quoted && token.kind != Kind::atom) return false;
  const auto behind =
      line.substr(static_cast<std::size_t>(token.raw.data() - line.data()) + token.raw.size());
  if (token.kind == Kind::quoted) return !behind.empty() && !behind.starts_with(' ');
  return (behind.empty() && literal_at_end(line)) ||
         std::any_of(token.raw.begin(), token.raw.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

std::string_view first_line(const ImapCommand& command) {
  return without_newline(command.text(command.parts().front()));
}

bool is_astring_char(char c) {  // RFC 9051 section 9
  return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}

// Whether all servers read it alike.
bool is_canonical(const ImapArguments::Token& token) {
  using Kind = ImapArguments::Kind;
  if (token.kind == Kind::atom) {
    return std::all_of(token.raw.begin(), token.raw.end(), is_astring_char);
  }
  if (token.kind != Kind::quoted) return true;
  for (std::size_t i = 1; i + 1 < token.raw.size(); ++i) {
    if (token.raw[i] != '\\') continue;
    ++i;
    if (token.raw[i] != '\\' && token.raw[i] != '"') return false;
  }
  return true;
}

}  // namespace

LoginArguments read_login(const ImapCommand& command) {
  using Kind = ImapArguments::Kind;
  LoginArguments result;
  result.login.mechanism = "LOGIN";
  result.login.sends_secret = true;
  ImapArguments arguments(command, ImapArguments::Lists::as_atoms);
  const auto name = arguments.next();
  const auto announced = command.announced();
  if (name.kind == Kind::announced) {
    result.stage = LoginArguments::Stage::name_announced;
    return result;
  }
  const bool is_broken = is_unreadable(name, first_line(command));
  if (!is_broken) result.login.user = user_name(imap_value(name, command.size()));
  const auto password = arguments.next();
  if (announced) result.stage = LoginArguments::Stage::password_announced;
  result.exposed = is_broken || (password.kind != Kind::end && password.kind != Kind::announced) ||
                   (announced && announced->kind == LiteralKind::non_synchronising);
  return result;
}

void write_login_name(ImapCommand& command) {
  ImapArguments arguments(command, ImapArguments::Lists::as_atoms);
  const auto name = arguments.next();
  if (is_canonical(name)) return;
  std::string quoted = "\"";
  for (const char c : imap_value(name, command.size())) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  command.replace(name.raw, quoted + "\"");
}

std::optional<AuthenticateArguments> read_authenticate(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  AuthenticateArguments result;
  result.mechanism = text.substr(0, text.find(' '));
  if (result.mechanism.empty() || result.mechanism.size() > kLongestMechanism ||
      !std::all_of(result.mechanism.begin(), result.mechanism.end(), is_mechanism_char)) {
    return std::nullopt;
  }
  text.remove_prefix(result.mechanism.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.find(' ') != std::string_view::npos) return std::nullopt;
  if (!text.empty()) result.initial_response = text == "=" ? std::string_view() : text;
  return result;
}

}  // namespace postern::protocols
