// Reads what an IMAP client sends: tag, verb, arguments and literals of one command
// (RFC 9051 section 2.2, 4.3 and 9; RFC 7888).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::protocols {

// The longest tag and verb that are taken for one, in octets.
inline constexpr std::size_t kMaxImapTag = 128;
inline constexpr std::size_t kMaxImapVerb = 32;

enum class LiteralKind {
  synchronising,      // {n}: the client waits for a "+"
  non_synchronising,  // {n+}, {n-}: it does not
};

// The announcement of a literal at a line's end.
struct ImapLiteral {
  std::uint64_t octets = 0;  // the greatest value there is where the number is greater still
  LiteralKind kind = LiteralKind::synchronising;
};

// What a line, its CRLF taken off, announces with {n}, {n+}, {n-} or ~{n} as its last characters.
std::optional<ImapLiteral> literal_at_end(std::string_view text);

// The beginning of a command: views into its first line.
struct ImapHead {
  std::string_view tag;
  std::string_view verb;
  std::string_view arguments;  // all behind the verb and its space, without CRLF
};

// Reads a command's first line, its CRLF taken off. Several spaces behind the tag are taken as
// servers take them. None: no legal tag, or a verb that is no word; what postern cannot read it
// does not pass on.
std::optional<ImapHead> imap_head(std::string_view text);

// The verb in upper case where it is one of the RFCs', as a constant; else "". Unknown words are
// never repeated, since a client of another protocol may have sent its password there.
std::string_view known_imap_verb(std::string_view verb);

// Takes the + or - out of a line's announcement of a literal: {n+} becomes {n}. `line` ends in
// CRLF.
void make_synchronising(std::string& line);

// One command, or as much of it as has come: its lines and literals in turn, byte for byte, but for
// announcements, which all become synchronising. Wipes all memory that it gives up. The caller
// bounds it.
class ImapCommand {
 public:
  struct Part {
    std::size_t begin = 0;
    std::size_t size = 0;
    bool is_literal = false;
  };

  ImapCommand() = default;
  ImapCommand(const ImapCommand&) = delete;
  ImapCommand& operator=(const ImapCommand&) = delete;
  ~ImapCommand();

  // Adds a whole line, its CRLF included.
  void add_line(std::string_view line);
  // The last line's literal begins; then its octets, in any pieces.
  void open_literal();
  void add_literal(std::string_view octets);
  void clear();
  void swap(ImapCommand& other) noexcept;

  bool empty() const { return parts_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  // Tag and arguments of the first line; "" and all of the line where it cannot be read.
  std::string_view tag() const;
  // Puts `text` in the place of `part`, a view into the first line.
  void replace(std::string_view part, std::string_view text);
  // The literal that the last line announced, as it came, while none of it has been added.
  std::optional<ImapLiteral> announced() const { return announced_; }
  const std::vector<Part>& parts() const { return parts_; }
  std::string_view text(const Part& part) const {
    return std::string_view(bytes_).substr(part.begin, part.size);
  }

  // For passing it on: the next piece ends where the receiver has to say "+", or at the end.
  std::string_view next_piece();
  bool pieces_left() const { return given_ < parts_.size(); }

 private:
  void append(std::string_view more);

  std::optional<ImapLiteral> announced_;
  std::string bytes_;
  std::vector<Part> parts_;
  std::size_t given_ = 0;  // of parts_, by next_piece()
};

// Reads the arguments of a command one by one.
class ImapArguments {
 public:
  enum class Kind {
    atom,       // or anything else up to a space or a parenthesis
    quoted,     // "..."
    literal,    // that has come
    announced,  // the literal that has not come yet: nothing follows
    open,       // (
    close,      // )
    broken,     // a quoted string without an end: nothing follows
    end,
  };
  struct Token {
    Kind kind = Kind::end;
    std::string_view raw;     // as it stands in the line: with quotes; a literal's announcement
    std::string_view octets;  // of a literal
  };

  // `command` outlives it and does not change. Parentheses are tokens only where `lists` says so.
  enum class Lists { read, as_atoms };
  ImapArguments(const ImapCommand& command, Lists lists);
  Token next();

 private:
  Token quoted();

  const ImapCommand& command_;
  Lists lists_;
  std::size_t part_ = 0;
  std::string_view rest_;  // of the current line
};

// The value of an atom, quoted string or literal. A backslash before anything but `\` and `"` is
// taken for itself, as lenient servers do. At most `bound` octets, cut there.
std::string imap_value(const ImapArguments::Token& token, std::size_t bound);

// Without regard to case in ASCII.
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_ignoring_case(std::string_view text, std::string_view prefix);

}  // namespace postern::protocols
