// Reads an inventory for reports: the rows that a filter lets through, rolled up over the days, from
// one moment's view of the database.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/audit/inventory/sqlite.h"
#include "proxy/report/filter.h"
#include "proxy/report/section.h"

namespace postern::report {

namespace inventory = audit::inventory;

// Used by one thread. It writes nothing but temporary tables. An error of one query is kept, and what
// comes afterwards is empty: ask error() at the end.
class Reader {
 public:
  // Opens the database, and makes these temporary tables from what `filter` lets through:
  //   place(address, network)  every address seen
  //   kind                     the columns of `login` without the day, sums over all days, with
  //                            `network`; `who` is the user's name, or "hash:…"
  // The error names the path.
  static std::variant<Reader, std::string> open(const std::string& path, const Filter& filter);

  // Appends the rows of `sql` to the section: its columns in their order, then the number of rows
  // that there would be without a limit. At most `most`. A column of kind `bar` is not selected.
  void fill(Section& section, const std::string& sql, std::size_t most);
  // Calls `take` with each row of `sql`, whose columns are `columns` in their order, until it is false.
  void each(const std::vector<Column>& columns, const std::string& sql,
            const std::function<bool(const std::vector<Cell>&)>& take);
  // The first column of the first row; 0 without one.
  std::int64_t integer(const std::string& sql);
  std::optional<std::int64_t> maybe_integer(const std::string& sql);

  // For a WHERE over a table with a day, a listener and an address, under the name `t`.
  const std::string& wanted() const { return wanted_; }
  // And for `login`, which has users too.
  const std::string& wanted_logins() const { return wanted_logins_; }

  // For queries that are no sections; it lives as long as the reader.
  inventory::Database& database() { return database_; }
  void note(std::string error);
  const std::string& error() const { return error_; }

 private:
  explicit Reader(inventory::Database database) : database_(std::move(database)) {}
  void select(const Filter& filter);
  void gather_places(const Filter& filter);
  void gather_users(const Filter& filter);
  void execute(const std::string& sql);

  inventory::Database database_;
  std::string wanted_;
  std::string wanted_logins_;
  std::string error_;
};

// `text` as an SQL string.
std::string sql_text(std::string_view text);

}  // namespace postern::report
