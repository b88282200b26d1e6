// Reading IMAP commands, see imap_command.h.
#include "proxy/demo/imap_command.h"

#include <algorithm>

#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::size_t kLine = 64 * 1024;
constexpr int kMaxLiterals = 8;

struct Literal {
  long octets = -1;
  bool is_synchronizing = true;
};

// "… {12}" or "… {12+}" at the end of a line.
std::optional<Literal> literal_at_end(std::string_view line) {
  const std::size_t begin = line.rfind('{');
  if (!line.ends_with('}') || begin == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view number = line.substr(begin + 1, line.size() - begin - 2);
  Literal literal;
  if (number.ends_with('+')) {
    literal.is_synchronizing = false;
    number.remove_suffix(1);
  }
  literal.octets = number_from(number);
  return literal.octets < 0 ? std::nullopt : std::optional(literal);
}

bool is_atom_octet(char octet) {
  return octet > ' ' && octet < 0x7f &&
         std::string_view("(){\"").find(octet) == std::string_view::npos;
}

}  // namespace

ImapCommand read_imap_command(Connection& client, std::size_t largest_literal) {
  ImapCommand command;
  for (int literals = 0; literals <= kMaxLiterals; ++literals) {
    const std::optional<std::string> line = client.read_line(kLine);
    if (!line) {
      break;
    }
    const std::string_view text = without_newline(*line);
    const std::optional<Literal> literal = literal_at_end(text);
    if (!literal) {
      command.text += text;
      command.arrival = Arrival::whole;
      break;
    }
    command.text += *line;
    const auto octets = static_cast<std::size_t>(literal->octets);
    if (octets > largest_literal) {
      command.arrival = literal->is_synchronizing ? Arrival::too_large : Arrival::ended;
      break;
    }
    if ((literal->is_synchronizing && !client.send("+ Ready for additional command text.\r\n")) ||
        !client.read_octets(octets, command.text)) {
      break;
    }
  }
  return command;
}

bool ImapWords::take(char octet) {
  if (!rest_.starts_with(octet)) {
    return false;
  }
  rest_.remove_prefix(1);
  return true;
}

std::optional<std::string> ImapWords::take_atom() {
  const auto end = std::ranges::find_if_not(rest_, is_atom_octet);
  std::string atom(rest_.begin(), end);
  rest_.remove_prefix(atom.size());
  return atom.empty() ? std::nullopt : std::optional(atom);
}

std::optional<std::string> ImapWords::take_quoted() {
  std::string text;
  for (std::size_t at = 1; at < rest_.size(); ++at) {
    if (rest_[at] == '"') {
      rest_.remove_prefix(at + 1);
      return text;
    }
    if (rest_[at] == '\\' && ++at == rest_.size()) {
      break;
    }
    text += rest_[at];
  }
  return std::nullopt;
}

std::optional<std::string> ImapWords::take_literal() {
  const std::size_t end = rest_.find('\n');
  const auto literal = literal_at_end(without_newline(rest_.substr(0, end)));
  if (!literal || end == std::string_view::npos) {
    return std::nullopt;
  }
  const auto octets = static_cast<std::size_t>(literal->octets);
  std::string text(rest_.substr(end + 1, octets));
  rest_.remove_prefix(std::min(end + 1 + octets, rest_.size()));
  return text;
}

std::optional<std::string> ImapWords::take_astring() {
  if (rest_.starts_with('"')) {
    return take_quoted();
  }
  return rest_.starts_with('{') ? take_literal() : take_atom();
}

std::optional<std::vector<std::string>> ImapWords::take_atom_list() {
  std::vector<std::string> atoms;
  if (!take('(')) {
    return std::nullopt;
  }
  while (!take(')')) {
    std::optional<std::string> atom = take_atom();
    if (!atom) {
      return std::nullopt;
    }
    atoms.push_back(std::move(*atom));
    take(' ');
  }
  return atoms;
}

std::optional<ImapSet> ImapSet::parse(std::string_view text) {
  ImapSet set;
  while (true) {
    const std::string_view range = text.substr(0, text.find(','));
    const std::size_t colon = std::min(range.find(':'), range.size());
    const auto bound = [](std::string_view word) {
      return word == "*"              ? static_cast<long>(kStar)
             : number_from(word) == 0 ? -1
                                      : number_from(word);
    };
    const long first = bound(range.substr(0, colon));
    const long last = colon < range.size() ? bound(range.substr(colon + 1)) : first;
    if (first < 0 || last < 0) {
      return std::nullopt;
    }
    set.ranges_.emplace_back(first, last);
    if (range.size() == text.size()) {
      return set;
    }
    text.remove_prefix(range.size() + 1);
  }
}

bool ImapSet::contains(std::uint32_t number, std::uint32_t last) const {
  return std::ranges::any_of(ranges_, [&](const auto& range) {
    const std::uint32_t begin = range.first == kStar ? last : range.first;
    const std::uint32_t end = range.second == kStar ? last : range.second;
    return number >= std::min(begin, end) && number <= std::max(begin, end);
  });
}

}  // namespace postern::demo
