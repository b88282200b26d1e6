// See imap_id.h.
#include "protocols/imap_id.h"

#include <algorithm>
#include <array>
#include <vector>

namespace postern::protocols {

namespace {

using Kind = ImapArguments::Kind;
using Token = ImapArguments::Token;

constexpr std::size_t kLongestKey = 64;  // RFC 2971 section 3.3 allows 30
constexpr std::size_t kLongestName = 255;

struct Field {
  Token key;
  Token value;
};

// An astring by the letter (RFC 9051 section 9): a server that reads a control, a quote or a NUL in
// its own way might find other fields than those found here.
bool is_string(const Token& token) {
  if (token.kind == Kind::quoted) return true;
  if (token.kind == Kind::literal) return token.octets.find('\0') == std::string_view::npos;
  return token.kind == Kind::atom && std::all_of(token.raw.begin(), token.raw.end(), [](char c) {
           return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && c != '"' && c != '\\';
         });
}

bool is_nil(const Token& token) {
  return token.kind == Kind::atom && equals_ignoring_case(token.raw, "NIL");
}

// Fields by which a trusted proxy tells who its client is: those of Dovecot (its "forwarding
// parameters"), whole families where it has more than one, and Zimbra's X-VIA.
bool is_trusted_only(std::string_view key) {
  constexpr std::array<std::string_view, 5> kFamilies = {"x-originating-", "x-session-",
                                                         "x-connected-", "x-forward-", "x-proxy-"};
  constexpr std::array<std::string_view, 2> kKeys = {"x-client-transport", "x-via"};
  return std::any_of(kFamilies.begin(), kFamilies.end(),
                     [&](std::string_view family) { return starts_ignoring_case(key, family); }) ||
         std::any_of(kKeys.begin(), kKeys.end(),
                     [&](std::string_view known) { return equals_ignoring_case(key, known); });
}

// The other reading of a quoted string that servers have, Dovecot among them: a backslash makes
// way for whatever stands behind it.
std::string without_backslashes(std::string_view quoted) {
  std::string value;
  for (std::size_t i = 1; i + 1 < quoted.size() && value.size() < kLongestKey; ++i) {
    if (quoted[i] == '\\' && i + 2 < quoted.size()) ++i;
    value += quoted[i];
  }
  return value;
}

bool is_trusted_only(const Token& key) {
  return is_trusted_only(imap_value(key, kLongestKey)) ||
         (key.kind == Kind::quoted && is_trusted_only(without_backslashes(key.raw)));
}

// The pairs of the list behind its "(", and nothing behind its ")".
std::optional<std::vector<Field>> read_fields(ImapArguments& arguments) {
  std::vector<Field> fields;
  while (true) {
    Field field{arguments.next(), {}};
    if (field.key.kind == Kind::close) break;
    field.value = arguments.next();
    if (!is_string(field.key) || !is_string(field.value)) return std::nullopt;
    fields.push_back(field);
  }
  if (arguments.next().kind != Kind::end) return std::nullopt;
  return fields;
}

std::string name_of(const std::vector<Field>& fields) {
  std::string name;
  std::string version;
  for (const auto& [key, value] : fields) {
    if (is_nil(value)) continue;
    const auto word = imap_value(key, kLongestKey);
    if (equals_ignoring_case(word, "name")) name = imap_value(value, kLongestName);
    if (equals_ignoring_case(word, "version")) version = imap_value(value, kLongestName);
  }
  if (!name.empty() && !version.empty()) name += ' ';
  return (name + version).substr(0, kLongestName);
}

// Builds a command again, from its tokens.
class Builder {
 public:
  Builder(std::string_view head, ImapCommand& into) : into_(into), line_(head) {}
  void text(std::string_view text) { line_ += text; }
  void token(const Token& token) {
    line_ += token.raw;
    if (token.kind != Kind::literal) return;
    end_line();
    into_.open_literal();
    into_.add_literal(token.octets);
  }
  void end_line() {
    line_ += "\r\n";
    into_.add_line(line_);
    line_.clear();
  }

 private:
  ImapCommand& into_;
  std::string line_;
};

}  // namespace

std::optional<ImapId> read_imap_id(const ImapCommand& command, ImapCommand& edited) {
  ImapArguments arguments(command, ImapArguments::Lists::read);
  const auto first = arguments.next();
  if (is_nil(first)) {
    if (arguments.next().kind != Kind::end) return std::nullopt;
    return ImapId{};
  }
  if (first.kind != Kind::open) return std::nullopt;
  const auto fields = read_fields(arguments);
  if (!fields) return std::nullopt;
  const auto goes = [](const Field& field) { return is_trusted_only(field.key); };
  ImapId id{name_of(*fields), std::any_of(fields->begin(), fields->end(), goes)};
  if (!id.cut) return id;

  const auto line = command.text(command.parts().front());
  const auto head_size = static_cast<std::size_t>(first.raw.data() - line.data());
  Builder builder(line.substr(0, head_size), edited);
  bool any = false;
  for (const auto& field : *fields) {
    if (goes(field)) continue;
    builder.text(any ? " " : "(");
    builder.token(field.key);
    builder.text(" ");
    builder.token(field.value);
    any = true;
  }
  builder.text(any ? ")" : "NIL");  // an empty list is not in every server's grammar
  builder.end_line();
  return id;
}

}  // namespace postern::protocols
