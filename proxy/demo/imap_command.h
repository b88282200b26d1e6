// Commands of IMAP as the legacy mail server reads them (RFC 3501 4 and 9): whole, with their
// literals, then word by word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/demo/connection.h"

namespace postern::demo {

// How a command came.
enum class Arrival {
  whole,
  too_large,  // a synchronizing literal was too large and has not been sent: refuse, then go on
  ended,      // the client is gone, or sends what can't be followed any more
};

struct ImapCommand {
  Arrival arrival = Arrival::ended;
  std::string text;  // with its literals in place, without the last CRLF
};

// Reads one command. Literals are asked for with "+" unless they are non-synchronizing (RFC 7888);
// `largest_literal` bounds each one, and there are at most eight.
ImapCommand read_imap_command(Connection& client, std::size_t largest_literal);

// A cursor over a command. Each take_… gives none, or false, where something else stands there.
class ImapWords {
 public:
  explicit ImapWords(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char octet);
  std::optional<std::string> take_atom();
  // An atom, a quoted string or a literal.
  std::optional<std::string> take_astring();
  // What stands before the matching ')' of a '(' that is next: no lists in it, no strings.
  std::optional<std::vector<std::string>> take_atom_list();
  std::string_view rest() const { return rest_; }

 private:
  std::optional<std::string> take_quoted();
  std::optional<std::string> take_literal();

  std::string_view rest_;
};

// A set of sequence numbers or unique identifiers: "1:4,7,9:*".
class ImapSet {
 public:
  static std::optional<ImapSet> parse(std::string_view text);
  // `last` is what '*' means.
  bool contains(std::uint32_t number, std::uint32_t last) const;

 private:
  static constexpr std::uint32_t kStar = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges_;
};

}  // namespace postern::demo
