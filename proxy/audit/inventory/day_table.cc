// See day_table.h.
#include "proxy/audit/inventory/day_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>
#include <vector>

#include "proxy/audit/inventory/schema.h"

namespace postern::audit::inventory {

namespace {

// Days whose number of rows is remembered: events come in order, with few days at a time.
constexpr std::size_t kMostDaysKnown = 64;

constexpr std::array kLoginKey = {
    KeyColumn{"user", kOverflow},
    KeyColumn{"user_is_hash", "0"},
    KeyColumn{"listener"},
    KeyColumn{"address", kOverflow},
    KeyColumn{"software", kOverflow},
    KeyColumn{"software_source"},
    KeyColumn{"protocol"},
    KeyColumn{"security"},
    KeyColumn{"tls_version"},
    KeyColumn{"cipher"},
    KeyColumn{"curve"},
    KeyColumn{"ja4", kOverflow},
    KeyColumn{"mechanism", kOverflow},
    KeyColumn{"rule"},
};
constexpr std::array kLoginCounts = {"successes", "failures", "refused", "warned", "exposed"};

constexpr std::array kHandshakeFailureKey = {
    KeyColumn{"listener"},
    KeyColumn{"address", kOverflow},
    KeyColumn{"reason"},
    KeyColumn{"ja4", kOverflow},
};
constexpr std::array kAbandonedKey = {
    KeyColumn{"listener"}, KeyColumn{"address", kOverflow},
    KeyColumn{"security"}, KeyColumn{"last_command", kOverflow},
    KeyColumn{"reason"},
};
constexpr std::array kCount = {"count"};

// Calls `each` with the columns of a key, `day` first, and their numbers.
template <typename Each>
void for_columns(std::string_view key, Each each) {
  for (int column = 0; !key.empty(); ++column) {
    const auto end = key.find(kEndOfColumn);
    each(column, key.substr(0, end));
    key.remove_prefix(end + 1);
  }
}

std::int64_t day_of(std::string_view key) {
  std::int64_t day = 0;
  std::from_chars(key.data(), key.data() + key.find(kEndOfColumn), day);
  return day;
}

// "day, user, …" of the key's columns.
std::string key_list(const DayTableShape& shape) {
  std::string list = "day";
  for (const auto& column : shape.key) list += fmt::format(", {}", column.name);
  return list;
}

// Parameters are numbered as the table's columns: key, counts, first_seen, last_seen.
std::string update_text(const DayTableShape& shape) {
  auto parameter = shape.key.size() + 2;
  std::string sql = fmt::format("UPDATE {} SET ", shape.name);
  for (const auto* const count : shape.counts) {
    sql += fmt::format("{0} = {0} + ?{1}, ", count, parameter++);
  }
  sql += fmt::format("first_seen = min(first_seen, ?{}), last_seen = max(last_seen, ?{})",
                     parameter, parameter + 1);
  sql += " WHERE day = ?1";
  parameter = 2;
  for (const auto& column : shape.key)
    sql += fmt::format(" AND {} = ?{}", column.name, parameter++);
  return sql;
}

std::string insert_text(const DayTableShape& shape) {
  std::string sql = fmt::format("INSERT INTO {} VALUES(?1", shape.name);
  const auto columns = 1 + shape.key.size() + shape.counts.size() + 2;
  for (std::size_t parameter = 2; parameter <= columns; ++parameter) {
    sql += fmt::format(", ?{}", parameter);
  }
  return sql + ")";
}

std::string remove_text(const DayTableShape& shape) {
  return fmt::format("DELETE FROM {0} WHERE ({1}) IN (SELECT {1} FROM {0} WHERE day < ?1 LIMIT ?2)",
                     shape.name, key_list(shape));
}

}  // namespace

const DayTableShape kLoginShape{"login", kLoginKey, kLoginCounts, kMostLoginRowsADay,
                                kMostLoginRowsADay / 2};
const DayTableShape kHandshakeFailureShape{"handshake_failure", kHandshakeFailureKey, kCount,
                                           kMostFailureRowsADay, kMostFailureRowsADay};
const DayTableShape kAbandonedShape{"abandoned", kAbandonedKey, kCount, kMostFailureRowsADay,
                                    kMostFailureRowsADay};

std::variant<DayTable, std::string> DayTable::prepare(Database& database,
                                                      const DayTableShape& shape) {
  DayTable table(database, shape);
  const std::array<std::pair<Statement*, std::string>, 4> statements = {{
      {&table.update_, update_text(shape)},
      {&table.insert_, insert_text(shape)},
      {&table.count_, fmt::format("SELECT count(*) FROM {} WHERE day = ?1", shape.name)},
      {&table.remove_, remove_text(shape)},
  }};
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (auto* error = std::get_if<std::string>(&prepared)) return std::move(*error);
    *statement = std::move(std::get<Statement>(prepared));
  }
  return table;
}

bool DayTable::write(const Rows& rows) {
  // In the table's order, nearly: neighbours lie on the same pages.
  std::vector<const Rows::value_type*> sorted;
  sorted.reserve(rows.size());
  for (const auto& row : rows) sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  return std::all_of(sorted.begin(), sorted.end(),
                     [this](const auto* row) { return write(row->first, row->second); });
}

bool DayTable::write(const std::string& key, const Tally& tally) {
  const auto updated = change(update_, key, tally);
  if (!updated) return false;
  if (*updated > 0) return true;
  const auto known = rows_of(day_of(key));
  if (!known) return false;
  auto& rows = **known;
  if (rows < (tally.counts[0] > 0 ? shape_->most : shape_->most_unproven)) {
    ++rows;
    return change(insert_, key, tally).has_value();
  }
  const auto instead = overflow_key(key);
  const auto overflowed = change(update_, instead, tally);
  if (!overflowed) return false;
  return *overflowed > 0 || change(insert_, instead, tally).has_value();
}

void DayTable::bind(Statement& statement, std::string_view key, const Tally& tally) const {
  int parameter = 1;
  for_columns(key, [&](int column, std::string_view text) {
    if (column == 0) {
      statement.bind(parameter++, day_of(key));
    } else {
      statement.bind(parameter++, text);
    }
  });
  for (std::size_t i = 0; i < shape_->counts.size(); ++i) {
    statement.bind(parameter++, tally.counts[i]);
  }
  statement.bind(parameter, tally.first_seen).bind(parameter + 1, tally.last_seen);
}

std::optional<std::int64_t> DayTable::change(Statement& statement, std::string_view key,
                                             const Tally& tally) {
  bind(statement, key, tally);
  const auto step = statement.step();
  const auto changed = database_->rows_changed();
  statement.reset();
  if (step != Statement::Step::done) return std::nullopt;
  return changed;
}

std::optional<std::size_t*> DayTable::rows_of(std::int64_t day) {
  if (const auto known = rows_a_day_.find(day); known != rows_a_day_.end()) return &known->second;
  if (rows_a_day_.size() >= kMostDaysKnown) rows_a_day_.clear();
  const auto step = count_.bind(1, day).step();
  const auto rows = step == Statement::Step::row ? count_.integer(0) : 0;
  count_.reset();
  if (step != Statement::Step::row) return std::nullopt;
  return &(rows_a_day_[day] = static_cast<std::size_t>(rows));
}

std::string DayTable::overflow_key(std::string_view key) const {
  std::string out;
  for_columns(key, [&](int column, std::string_view text) {
    const auto* const overflow =
        column > 0 ? shape_->key[static_cast<std::size_t>(column - 1)].overflow : nullptr;
    out += overflow != nullptr ? std::string_view(overflow) : text;
    out += kEndOfColumn;
  });
  return out;
}

std::optional<std::int64_t> DayTable::remove_before(std::int64_t day, std::int64_t most) {
  const auto step = remove_.bind(1, day).bind(2, most).step();
  const auto removed = database_->rows_changed();
  remove_.reset();
  if (step != Statement::Step::done) return std::nullopt;
  std::erase_if(rows_a_day_, [day](const auto& known) { return known.first < day; });
  return removed;
}

}  // namespace postern::audit::inventory
