// See reader.h.
#include "proxy/report/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "proxy/audit/inventory/schema.h"
#include "proxy/policy/user_pattern.h"

namespace postern::report {

namespace {

using inventory::Statement;

// What of a day's row makes it another kind of login.
constexpr std::string_view kKind =
    "user, user_is_hash, listener, t.address, software, software_source, protocol, security, "
    "tls_version, cipher, curve, ja4, mechanism, rule";

Cell cell_of(const Statement& row, int column, Kind kind) {
  if (row.is_null(column)) return {};
  switch (kind) {
    case Kind::text:
      return std::string(row.text(column));
    case Kind::count:
      return row.integer(column);
    case Kind::share:
      return row.real(column);
    case Kind::flag:
      return row.integer(column) != 0;
    case Kind::day:
      return std::chrono::sys_days(std::chrono::days(row.integer(column)));
    case Kind::moment:
      return Moment(std::chrono::milliseconds(row.integer(column)));
    case Kind::bar:
      break;
  }
  return {};
}

}  // namespace

std::string sql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

std::variant<Reader, std::string> Reader::open(const std::string& path, const Filter& filter) {
  auto opened = inventory::Database::open(path, inventory::Database::Access::read);
  if (auto* const error = std::get_if<std::string>(&opened)) {
    return fmt::format("{}: {}", path, *error);
  }
  Reader reader(std::move(std::get<inventory::Database>(opened)));
  const auto version = reader.database_.integer("PRAGMA user_version").value_or(0);
  if (version != inventory::kSchemaVersion) {
    return fmt::format("{}: no inventory that this version can read (its schema is {}, not {})",
                       path, version, inventory::kSchemaVersion);
  }
  reader.select(filter);
  if (!reader.error_.empty()) return fmt::format("{}: {}", path, reader.error_);
  return reader;
}

void Reader::execute(const std::string& sql) {
  if (!error_.empty()) return;
  if (auto error = database_.execute(sql)) note(*error);
}

void Reader::note(std::string error) {
  if (error_.empty()) error_ = std::move(error);
}

void Reader::select(const Filter& filter) {
  execute("BEGIN");  // from here on no writer changes what is seen
  wanted_ = "1";
  if (filter.since) wanted_ = fmt::format("t.day >= {}", filter.since->time_since_epoch().count());
  if (!filter.listener.empty()) wanted_ += " AND t.listener = " + sql_text(filter.listener);
  gather_places(filter);
  wanted_ += " AND t.address IN (SELECT address FROM temp.place)";
  wanted_logins_ = wanted_;
  if (!filter.user.empty()) {
    gather_users(filter);
    wanted_logins_ += " AND t.user_is_hash = 0 AND t.user IN (SELECT user FROM temp.wanted_user)";
  }
  execute(fmt::format(
      "CREATE TEMP TABLE kind AS SELECT {0}, p.network, "
      "CASE user_is_hash WHEN 0 THEN user ELSE 'hash:' || user END AS who, "
      "SUM(successes) AS successes, SUM(failures) AS failures, SUM(refused) AS refused, "
      "SUM(warned) AS warned, SUM(exposed) AS exposed, MIN(first_seen) AS first_seen, "
      "MAX(last_seen) AS last_seen FROM main.login t JOIN temp.place p ON p.address = t.address "
      "WHERE {1} GROUP BY {0}",
      kKind, wanted_logins_));
}

void Reader::gather_places(const Filter& filter) {
  execute("CREATE TEMP TABLE place(address TEXT PRIMARY KEY, network TEXT NOT NULL) WITHOUT ROWID");
  if (!error_.empty()) return;
  auto selected =
      database_.prepare(fmt::format("SELECT address FROM main.login t WHERE {0} UNION "
                                    "SELECT address FROM main.handshake_failure t WHERE {0} UNION "
                                    "SELECT address FROM main.abandoned t WHERE {0}",
                                    wanted_));
  auto inserted = database_.prepare("INSERT INTO temp.place VALUES(?, ?)");
  auto* const select = std::get_if<Statement>(&selected);
  auto* const insert = std::get_if<Statement>(&inserted);
  if (select == nullptr || insert == nullptr) return note(database_.error());
  auto step = select->step();
  for (; step == Statement::Step::row; step = select->step()) {
    const std::string address(select->text(0));
    if (filter.network) {
      const auto seen = parse_stored_address(address);
      if (!seen || !overlap(*seen, *filter.network)) continue;
    }
    const auto network = network_of(address);
    insert->bind(1, address).bind(2, network);
    if (insert->step() == Statement::Step::failed) return note(database_.error());
    insert->reset();
  }
  if (step == Statement::Step::failed) note(database_.error());
}

void Reader::gather_users(const Filter& filter) {
  execute("CREATE TEMP TABLE wanted_user(user TEXT PRIMARY KEY) WITHOUT ROWID");
  if (!error_.empty()) return;
  auto selected = database_.prepare(
      fmt::format("SELECT DISTINCT user FROM main.login t WHERE user_is_hash = 0 AND {}", wanted_));
  auto inserted = database_.prepare("INSERT INTO temp.wanted_user VALUES(?)");
  auto* const select = std::get_if<Statement>(&selected);
  auto* const insert = std::get_if<Statement>(&inserted);
  if (select == nullptr || insert == nullptr) return note(database_.error());
  auto step = select->step();
  for (; step == Statement::Step::row; step = select->step()) {
    const std::string user(select->text(0));
    if (!policy::matches_user(filter.user, user)) continue;
    insert->bind(1, user);
    if (insert->step() == Statement::Step::failed) return note(database_.error());
    insert->reset();
  }
  if (step == Statement::Step::failed) note(database_.error());
}

void Reader::fill(Section& section, const std::string& sql, std::size_t most) {
  if (!error_.empty()) return;
  constexpr std::size_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  auto prepared = database_.prepare(fmt::format("{} LIMIT {}", sql, std::min(most, kNoLimit)));
  auto* const statement = std::get_if<Statement>(&prepared);
  if (statement == nullptr) return note(std::get<std::string>(prepared));
  auto step = statement->step();
  for (; step == Statement::Step::row; step = statement->step()) {
    std::vector<Cell> row;
    int at = 0;
    for (const auto& column : section.columns) {
      row.push_back(column.kind == Kind::bar ? Cell() : cell_of(*statement, at++, column.kind));
    }
    section.total = static_cast<std::size_t>(statement->integer(at));
    section.rows.push_back(std::move(row));
  }
  if (step == Statement::Step::failed) note(database_.error());
}

void Reader::each(const std::vector<Column>& columns, const std::string& sql,
                  const std::function<bool(const std::vector<Cell>&)>& take) {
  if (!error_.empty()) return;
  auto prepared = database_.prepare(sql);
  auto* const statement = std::get_if<Statement>(&prepared);
  if (statement == nullptr) return note(std::get<std::string>(prepared));
  auto step = statement->step();
  for (; step == Statement::Step::row; step = statement->step()) {
    std::vector<Cell> row;
    for (const auto& column : columns) {
      row.push_back(cell_of(*statement, static_cast<int>(row.size()), column.kind));
    }
    if (!take(row)) return;
  }
  if (step == Statement::Step::failed) note(database_.error());
}

std::int64_t Reader::integer(const std::string& sql) { return maybe_integer(sql).value_or(0); }

std::optional<std::int64_t> Reader::maybe_integer(const std::string& sql) {
  if (!error_.empty()) return std::nullopt;
  auto prepared = database_.prepare(sql);
  auto* const statement = std::get_if<Statement>(&prepared);
  if (statement == nullptr) {
    note(std::get<std::string>(prepared));
    return std::nullopt;
  }
  const auto step = statement->step();
  if (step == Statement::Step::failed) note(database_.error());
  if (step != Statement::Step::row || statement->is_null(0)) return std::nullopt;
  return statement->integer(0);
}

}  // namespace postern::report
