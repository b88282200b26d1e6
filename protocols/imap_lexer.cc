// See imap_lexer.h.
#include "protocols/imap_lexer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

constexpr std::array<std::string_view, 41> kVerbs = {
    "APPEND",  "AUTHENTICATE", "CAPABILITY", "CHECK",          "CLOSE",      "COMPRESS",
    "COPY",    "CREATE",       "DELETE",     "DELETEACL",      "ENABLE",     "EXAMINE",
    "EXPUNGE", "FETCH",        "GETACL",     "GETMETADATA",    "GETQUOTA",   "GETQUOTAROOT",
    "ID",      "IDLE",         "LIST",       "LOGIN",          "LOGOUT",     "LSUB",
    "MOVE",    "NAMESPACE",    "NOOP",       "NOTIFY",         "RENAME",     "SEARCH",
    "SELECT",  "SORT",         "STARTTLS",   "STATUS",         "STORE",      "SUBSCRIBE",
    "THREAD",  "UID",          "UNSELECT",   "UNAUTHENTICATE", "UNSUBSCRIBE"};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 9051 section 9: tag.
bool is_tag_char(char c) {
  return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\+").find(c) == std::string_view::npos;
}

// Narrower than an atom: what servers use for verbs, so that no other reading of it is possible.
bool is_verb_char(char c) {
  return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z') || c == '-' || c == '_' || c == '.';
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return upper(x) == upper(y); });
}

bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::optional<ImapLiteral> literal_at_end(std::string_view text) {
  if (!text.ends_with('}')) return std::nullopt;
  text.remove_suffix(1);
  ImapLiteral literal;
  if (text.ends_with('+') || text.ends_with('-')) {
    literal.kind = LiteralKind::non_synchronising;
    text.remove_suffix(1);
  }
  const auto brace = text.rfind('{');
  if (brace == std::string_view::npos || brace + 1 == text.size()) return std::nullopt;
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  for (const char c : text.substr(brace + 1)) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    literal.octets = literal.octets > (kMax - digit) / 10 ? kMax : literal.octets * 10 + digit;
  }
  return literal;
}

std::optional<ImapHead> imap_head(std::string_view text) {
  ImapHead head;
  const auto tag_end = std::find_if_not(text.begin(), text.end(), is_tag_char);
  head.tag = text.substr(0, static_cast<std::size_t>(tag_end - text.begin()));
  text.remove_prefix(head.tag.size());
  if (head.tag.empty() || head.tag.size() > kMaxImapTag || !text.starts_with(' ')) {
    return std::nullopt;
  }
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto verb_end = std::find_if_not(text.begin(), text.end(), is_verb_char);
  head.verb = text.substr(0, static_cast<std::size_t>(verb_end - text.begin()));
  text.remove_prefix(head.verb.size());
  if (head.verb.empty() || head.verb.size() > kMaxImapVerb) return std::nullopt;
  if (!text.empty() && !text.starts_with(' ')) return std::nullopt;
  head.arguments = text.substr(text.empty() ? 0 : 1);
  return head;
}

std::string_view known_imap_verb(std::string_view verb) {
  const auto found = std::find_if(kVerbs.begin(), kVerbs.end(), [&](std::string_view known) {
    return equals_ignoring_case(known, verb);
  });
  return found == kVerbs.end() ? std::string_view() : *found;
}

void make_synchronising(std::string& line) {
  constexpr std::size_t kSignFromEnd = 4;  // +}CRLF
  line.erase(line.size() - kSignFromEnd, 1);
}

ImapCommand::~ImapCommand() { clear(); }

void ImapCommand::append(std::string_view more) {
  const auto needed = bytes_.size() + more.size();
  if (needed > bytes_.capacity()) {  // by hand, so that the old memory is wiped
    std::string bigger;
    bigger.reserve(std::max(needed, 2 * bytes_.size()));
    bigger = bytes_;
    wipe(bytes_);
    bytes_.swap(bigger);
  }
  bytes_.append(more);
}

void ImapCommand::add_line(std::string_view line) {
  announced_ = literal_at_end(without_newline(line));
  parts_.push_back({bytes_.size(), line.size(), false});
  append(line);
  if (announced_ && announced_->kind == LiteralKind::non_synchronising) {
    make_synchronising(bytes_);
    --parts_.back().size;
  }
}

void ImapCommand::open_literal() {
  announced_.reset();
  parts_.push_back({bytes_.size(), 0, true});
}

void ImapCommand::add_literal(std::string_view octets) {
  append(octets);
  parts_.back().size += octets.size();
}

void ImapCommand::replace(std::string_view part, std::string_view text) {
  const auto at = static_cast<std::size_t>(part.data() - bytes_.data());
  std::string changed;
  changed.reserve(bytes_.size() - part.size() + text.size());
  changed.append(bytes_, 0, at).append(text).append(bytes_, at + part.size());
  parts_.front().size = parts_.front().size - part.size() + text.size();
  for (auto& one : parts_) {
    if (one.begin > at) one.begin = one.begin - part.size() + text.size();
  }
  bytes_.swap(changed);
  wipe(changed);
}

void ImapCommand::clear() {
  wipe(bytes_);
  std::string().swap(bytes_);
  std::vector<Part>().swap(parts_);
  announced_.reset();
  given_ = 0;
}

void ImapCommand::swap(ImapCommand& other) noexcept {
  bytes_.swap(other.bytes_);
  parts_.swap(other.parts_);
  std::swap(announced_, other.announced_);
  std::swap(given_, other.given_);
}

std::string_view ImapCommand::tag() const {
  if (parts_.empty()) return {};
  const auto head = imap_head(without_newline(text(parts_.front())));
  return head ? head->tag : std::string_view();
}

std::string_view ImapCommand::next_piece() {
  if (!pieces_left()) return {};
  const auto begin = parts_[given_].begin;
  auto end = begin;
  while (given_ < parts_.size()) {
    const auto& part = parts_[given_++];
    end = part.begin + part.size;
    if (part.is_literal) continue;
    if (literal_at_end(without_newline(text(part)))) break;
  }
  return std::string_view(bytes_).substr(begin, end - begin);
}

ImapArguments::ImapArguments(const ImapCommand& command, Lists lists)
    : command_(command), lists_(lists) {
  if (command_.empty()) return;
  rest_ = without_newline(command_.text(command_.parts().front()));
  if (const auto head = imap_head(rest_)) rest_ = head->arguments;
}

ImapArguments::Token ImapArguments::next() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
  if (rest_.empty()) return {};
  if (rest_.front() == '"') return quoted();
  if (lists_ == Lists::read && (rest_.front() == '(' || rest_.front() == ')')) {
    Token token{rest_.front() == '(' ? Kind::open : Kind::close, rest_.substr(0, 1), {}};
    rest_.remove_prefix(1);
    return token;
  }
  if (literal_at_end(rest_) && rest_.find('{') == rest_.rfind('{') &&
      (rest_.starts_with('{') || rest_.starts_with("~{"))) {
    Token token{Kind::announced, rest_, {}};
    rest_ = {};
    if (part_ + 1 < command_.parts().size()) {
      token.kind = Kind::literal;
      token.octets = command_.text(command_.parts()[part_ + 1]);
      part_ += 2;
      if (part_ < command_.parts().size()) {
        rest_ = without_newline(command_.text(command_.parts()[part_]));
      }
    }
    return token;
  }
  auto size = rest_.find_first_of(lists_ == Lists::read ? " ()" : " ");
  size = std::min(size, rest_.size());
  Token token{Kind::atom, rest_.substr(0, size), {}};
  rest_.remove_prefix(size);
  return token;
}

ImapArguments::Token ImapArguments::quoted() {
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] == '\\') {
      ++i;
    } else if (rest_[i] == '"') {
      Token token{Kind::quoted, rest_.substr(0, i + 1), {}};
      rest_.remove_prefix(i + 1);
      return token;
    }
  }
  Token token{Kind::broken, rest_, {}};
  rest_ = {};
  return token;
}

std::string imap_value(const ImapArguments::Token& token, std::size_t bound) {
  if (token.kind == ImapArguments::Kind::literal) return std::string(token.octets.substr(0, bound));
  if (token.kind == ImapArguments::Kind::atom) return std::string(token.raw.substr(0, bound));
  std::string value;
  if (token.kind != ImapArguments::Kind::quoted) return value;
  const auto inside = token.raw.substr(1, token.raw.size() - 2);
  for (std::size_t i = 0; i < inside.size() && value.size() < bound; ++i) {
    const bool escapes = inside[i] == '\\' && i + 1 < inside.size() &&
                         (inside[i + 1] == '\\' || inside[i + 1] == '"');
    value += inside[escapes ? ++i : i];
  }
  return value;
}

}  // namespace postern::protocols
