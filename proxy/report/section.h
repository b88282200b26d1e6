// What a report says, as plain values: the queries fill sections, the formats print them, and neither
// knows the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace postern::report {

using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

// How a cell reads. Text may come from a client: every format makes it harmless.
enum class Kind {
  text,
  count,
  share,   // 0 to 1
  flag,    // yes, no
  day,     // 2026-11-25
  moment,  // to the second, UTC
  bar,     // a plot made of the counts of columns `of` and `beside`; for tables alone
};

// monostate: not known, or it never happened.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double, bool,
                          std::chrono::sys_days, Moment>;

struct Column {
  std::string id;       // stable: the key in JSON, the heading in CSV
  std::string heading;  // for people; "" : only programs get it
  Kind kind = Kind::text;
  std::size_t least = 8;  // columns of a terminal: text is not cut shorter than this
};

// One fact of a section that has no rows.
struct Fact {
  std::string id;
  std::string label;
  Kind kind = Kind::text;
  Cell value;
};

// Either facts, or columns and rows.
struct Section {
  std::string id;
  std::string title;
  std::vector<std::string> notes = {};  // sentences under the title
  std::vector<Fact> facts = {};
  std::vector<Column> columns = {};
  std::vector<std::vector<Cell>> rows = {};
  std::size_t total = 0;  // rows that there are; more than `rows` where these are bounded
};

struct Report {
  std::string title;
  std::vector<Fact> about;  // where it is from, and what was asked
  std::vector<Section> sections;
};

}  // namespace postern::report
