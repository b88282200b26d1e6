// The text of a settings file as lines: where a byte stands in characters, which line to show under
// a message, and whether the bytes are text at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"

namespace postern::conf {

class Findings;

inline constexpr std::size_t kLargestFile = 1024 * 1024;  // octets
// Of one line, in octets. It bounds the time that counting characters takes.
inline constexpr std::size_t kLongestLine = 8 * 1024;
inline constexpr std::size_t kLongestExcerpt = 400;  // octets; a longer line is not shown

class Source {
 public:
  // `text` must outlive the Source; a byte order mark at its start is skipped.
  explicit Source(std::string_view text);

  // The text without its byte order mark.
  std::string_view text() const { return text_; }

  // The place of a line and an octet in it, both from zero, as yaml-cpp counts them.
  Place place(int line, int octet) const;

  // The text from there to its end; "" beyond it.
  std::string_view from(int line, int octet) const;

  // A line, from 1, to be shown: without its newline; '?' for what is no printable text. "" where
  // there is no such line, or a very long one.
  std::string excerpt(int line) const;

  // Whether the bytes may be given to a YAML parser: not too many, UTF-8, no control characters, no
  // tabs in indentation, no endless line. What is wrong goes to `findings`.
  bool is_clean(Findings& findings) const;

 private:
  void find_faults(int line, Findings& findings) const;

  std::string_view text_;
  std::vector<std::string_view> lines_;  // without their newline
};

// How many octets the character at the start of `text` takes, 1 to 4; 0 where it is no well-formed
// UTF-8 (RFC 3629). `text` must not be empty.
std::size_t character_length(std::string_view text);

// Whether the character at the start of `text`, which is well-formed, is a control character: C0,
// DEL or C1 (a terminal may obey these).
bool is_control(std::string_view text);

// `text` for a message: in back quotes, shortened, control characters as '?', so that it stays on
// one line.
std::string shown(std::string_view text);

}  // namespace postern::conf
