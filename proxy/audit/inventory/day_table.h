// The tables that count by day: login, handshake_failure, abandoned. They differ in their columns
// and bounds only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>

#include "proxy/audit/inventory/rollup.h"
#include "proxy/audit/inventory/sqlite.h"

namespace postern::audit::inventory {

// A column of a table's key, behind `day`.
struct KeyColumn {
  const char* name;
  const char* overflow =
      nullptr;  // its text in the rows for what is beyond the bound; null: its own
};

struct DayTableShape {
  const char* name;
  std::span<const KeyColumn> key;
  std::span<const char* const> counts;
  std::size_t most;           // rows of a day
  std::size_t most_unproven;  // of them, while new rows have a first count of zero
};

extern const DayTableShape kLoginShape;
extern const DayTableShape kHandshakeFailureShape;
extern const DayTableShape kAbandonedShape;

class DayTable {
 public:
  // The database outlives it.
  static std::variant<DayTable, std::string> prepare(Database& database,
                                                     const DayTableShape& shape);
  // Adds to the rows. False: Database::error() says why.
  bool write(const Rows& rows);
  // Removes at most `most` rows of days before `day`; how many, nothing after an error.
  std::optional<std::int64_t> remove_before(std::int64_t day, std::int64_t most);
  // What was written since the transaction began has been rolled back.
  void forget() { rows_a_day_.clear(); }

 private:
  DayTable(Database& database, const DayTableShape& shape) : database_(&database), shape_(&shape) {}
  bool write(const std::string& key, const Tally& tally);
  void bind(Statement& statement, std::string_view key, const Tally& tally) const;
  // Carries it out; how many rows it changed, nothing after an error.
  std::optional<std::int64_t> change(Statement& statement, std::string_view key,
                                     const Tally& tally);
  std::optional<std::size_t*> rows_of(std::int64_t day);
  std::string overflow_key(std::string_view key) const;

  Database* database_;
  const DayTableShape* shape_;
  Statement update_;
  Statement insert_;
  Statement count_;
  Statement remove_;
  std::unordered_map<std::int64_t, std::size_t> rows_a_day_;
};

}  // namespace postern::audit::inventory
