// What reads and edits IMAP text: the lexer with its commands and literals, ID, the arguments of LOGIN
// and AUTHENTICATE, a backend's responses and capability lists. The input is one command of a client,
// with its literals as they come, or anything; each of its lines is read as a backend's response too.
//
// Invariants: tag, verb, arguments and tokens are parts of the line; reading ends; a command comes out
// again byte for byte but for announcements, which all wait; a value and a name are bounded; an ID that
// was edited holds no field that a client may not send, and editing it again changes nothing; an edited
// response is one line with the same end, not longer than it was but for what postern adds, without a
// referral code, and editing it again changes nothing.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/imap_capability.h"
#include "protocols/imap_id.h"
#include "protocols/imap_lexer.h"
#include "protocols/imap_login.h"
#include "protocols/imap_response.h"
#include "test/fuzz/demand.h"

using namespace postern::protocols;
using postern::test::demand;

namespace {

bool is_part(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (auto& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

void check_line(std::string_view line) {
  const auto text = without_newline(line);
  const auto literal = literal_at_end(text);
  std::string waiting(line);
  if (line.ends_with("\r\n") && literal && literal->kind == LiteralKind::non_synchronising) {
    make_synchronising(waiting);
    demand(waiting.size() + 1 == line.size(), "one octet goes");
    const auto then = literal_at_end(without_newline(waiting));
    demand(then && then->kind == LiteralKind::synchronising && then->octets == literal->octets,
           "a literal of the same size that waits");
  }
  if (const auto head = imap_head(text)) {
    demand(!head->tag.empty() && head->tag.size() <= kMaxImapTag && is_part(head->tag, text),
           "tag");
    demand(!head->verb.empty() && head->verb.size() <= kMaxImapVerb && is_part(head->verb, text),
           "verb");
    demand(is_part(head->arguments, text), "arguments");
    demand(known_imap_verb(head->verb).empty() ||
               equals_ignoring_case(known_imap_verb(head->verb), head->verb),
           "a known verb is the verb");
    if (const auto arguments = read_authenticate(head->arguments)) {
      demand(!arguments->mechanism.empty() && is_part(arguments->mechanism, text), "a mechanism");
    }
  }
}

void check_response(std::string_view line) {
  const auto response = read_response(line);
  demand(is_part(response.tag, line), "a response's tag");
  for (unsigned bits = 0; bits < 16; ++bits) {
    Conditions conditions;
    if (bits & 1U) conditions.transport = Transport::cleartext;
    if (bits & 2U) conditions.upgrade = Upgrade::offered;
    if (bits & 4U) conditions.cleartext_logins = CleartextLogins::not_offered;
    const auto moment = bits & 8U ? ListMoment::login_answer : ListMoment::before_login;
    const auto once = edit_response(line, conditions, moment);
    demand(edit_response(once, conditions, moment) == once, "edited twice is edited once");
    demand(std::count(once.begin(), once.end(), '\n') == std::count(line.begin(), line.end(), '\n'),
           "a response stays one line");
    constexpr std::size_t kAdded = 32;  // STARTTLS, LOGINDISABLED and their blanks
    demand(once.size() <= line.size() + 2 * kAdded, "what is added is bounded");
    const auto list = edit_capabilities(line, conditions, moment);
    demand(edit_capabilities(list, conditions, moment) == list, "a list edited twice");
  }
}

std::string bytes_of(const ImapCommand& command) {
  std::string bytes;
  for (const auto& part : command.parts()) bytes += command.text(part);
  return bytes;
}

void check_arguments(const ImapCommand& command, ImapArguments::Lists lists) {
  ImapArguments arguments(command, lists);
  for (std::size_t tokens = 0;; ++tokens) {
    demand(tokens <= command.size() + command.parts().size() + 1, "reading ends");
    const auto token = arguments.next();
    constexpr std::size_t kBound = 16;
    demand(imap_value(token, kBound).size() <= kBound, "a value is bounded");
    if (token.kind == ImapArguments::Kind::end || token.kind == ImapArguments::Kind::broken ||
        token.kind == ImapArguments::Kind::announced) {
      return;
    }
  }
}

void check_id(const ImapCommand& command) {
  constexpr std::array<std::string_view, 5> kForbidden = {"\"x-originating-ip\"",
                                                          "\"x-session-id\"", "\"x-proxy-ttl\"",
                                                          "\"x-connected-", "\"x-forward-"};
  ImapCommand edited;
  const auto id = read_imap_id(command, edited);
  if (!id) return;
  demand(id->name.size() <= 255, "a name is bounded");
  if (!id->cut) return;
  demand(edited.size() < command.size(), "a field has gone");
  ImapCommand again;
  const auto second = read_imap_id(edited, again);
  demand(second && !second->cut && second->name == id->name, "an edited ID is one without fields");
  // Outside literals, and where no other field's value says the same.
  if (edited.parts().size() > 1) return;
  const auto text = lower(bytes_of(edited));
  for (const auto field : kForbidden) {
    for (auto at = text.find(field); at != std::string::npos; at = text.find(field, at + 1)) {
      const auto quotes =
          std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '"');
      if (text.find('\\') == std::string::npos)
        demand(quotes / 2 % 2 == 1, "a field that may not be sent");
    }
  }
}

// As a dialogue collects a command.
void check_command(std::string_view input) {
  ImapCommand command;
  std::string expected;
  while (true) {
    const auto end = input.find("\r\n");
    if (end == std::string_view::npos) break;
    const auto line = input.substr(0, end + 2);
    input.remove_prefix(line.size());
    command.add_line(line);
    const auto literal = literal_at_end(without_newline(line));
    demand(literal.has_value() == command.announced().has_value(), "announced");
    std::string waiting(line);
    if (literal && literal->kind == LiteralKind::non_synchronising) make_synchronising(waiting);
    expected += waiting;
    check_arguments(command, ImapArguments::Lists::read);
    const auto login = read_login(command);
    demand(login.login.user.size() <= 255, "a user is bounded");
    if (!literal || literal->octets > input.size()) break;
    command.open_literal();
    const auto octets = input.substr(0, static_cast<std::size_t>(literal->octets));
    input.remove_prefix(octets.size());
    for (std::size_t at = 0; at < octets.size(); at += 3) command.add_literal(octets.substr(at, 3));
    expected += octets;
  }
  if (command.empty()) return;
  demand(bytes_of(command) == expected, "a command comes out as it went in");
  check_arguments(command, ImapArguments::Lists::as_atoms);
  check_id(command);
  std::string pieces;
  while (command.pieces_left()) pieces += command.next_piece();
  demand(pieces == expected, "in pieces, too");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4'096));
  check_command(input);
  std::string_view rest = input;
  for (int lines = 0; !rest.empty() && lines < 16; ++lines) {
    const auto line = rest.substr(
        0, rest.find('\n') == std::string_view::npos ? rest.size() : rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    check_line(line);
    check_response(line);
  }
  return 0;
}
