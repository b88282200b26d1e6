// The audit log's lines as the tour shows them: counted, and in short.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::demo {

class AuditTable {
 public:
  static constexpr std::size_t kMaxLines = 1000;

  AuditTable() = default;
  // `lines`: JSON objects, one a line. A last line without its newline is still being written, and
  // is left out, as is anything that is no object.
  explicit AuditTable(std::string lines);

  bool empty() const { return events_.empty(); }
  std::size_t count(std::string_view action) const;
  std::size_t count_successful_logins_of(std::string_view user) const;
  // As it stands in the log; "" where there is none.
  std::string first_line_of(std::string_view action) const;
  // One short row for each login, refused login and end of a session, in columns.
  std::vector<std::string> rows() const;
  // Whether `text` stands anywhere in the lines.
  bool holds(std::string_view text) const { return lines_.find(text) != std::string::npos; }

 private:
  struct Event {
    nlohmann::json keys;
    std::string line;
  };

  std::string lines_;
  std::vector<Event> events_;
};

}  // namespace postern::demo
