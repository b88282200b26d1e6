// What the action targets take for input: text that people can read and write, one action a line, so
// that the fuzzer finds orders of events and a seed shows its story.
//
//   conditions        the first line; each target says what its letters mean
//   C a LOGIN joe x   an action: a letter, what it acts with, all up to the line's end. A blank behind
//                     the letter is skipped. Upper case C and B add CRLF, lower case c and b do not
//   30C NOOP          the same action 30 times
//
// In the bytes of an action \r, \n, \t, \0 and \\ mean what they mean in C, \x41 is one octet, and \|
// is a place at which one of the runs cuts what is fed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

struct ScriptAction {
  char kind = 0;
  std::string bytes;
  std::vector<std::size_t> cuts;  // offsets into `bytes`, ascending, from 0 to its size
};

struct Script {
  std::string_view conditions;  // a part of the input
  std::vector<ScriptAction> actions;

  bool has(char condition) const { return conditions.find(condition) != std::string_view::npos; }
};

// Actions and octets that a script may hold, so that it ends; what is behind them is left out.
inline constexpr std::size_t kMostActions = 1'000;
inline constexpr std::size_t kMostOctets = 160 * 1024;

// `input` outlives it.
Script read_script(std::string_view input);

// Octets up to which a script is short.
inline constexpr std::size_t kShortScript = 2'048;

// How the bytes of an action are fed: as they stand, cut where the script says, or in small pieces (of
// one octet where the script is short).
enum class Cutting { none, marked, fine };

// The length of the next piece of `action`, of which `fed` octets have been fed; at least 1 where
// some are left.
std::size_t next_piece(const ScriptAction& action, std::size_t fed, Cutting cutting,
                       std::size_t octets_in_all);

}  // namespace postern::test
