// See sqlite.h.
#include "proxy/audit/inventory/sqlite.h"

#include <sqlite3.h>

#include <array>
#include <utility>

namespace postern::audit::inventory {

namespace {

constexpr int kPatienceMilliseconds = 5000;

// A file name as a URI, so that it can carry `immutable`. Anything but the harmless is escaped.
std::string uri_of(const std::string& path) {
  constexpr std::string_view kHarmless =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path) {
    if (kHarmless.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      uri += {'%', kHex[octet >> 4], kHex[octet & 15]};
    }
  }
  return uri;
}

std::string error_of(sqlite3* database, int result) {
  const bool has_own_words = database != nullptr && sqlite3_errcode(database) != SQLITE_OK;
  return has_own_words ? sqlite3_errmsg(database) : sqlite3_errstr(result);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, std::string_view text) {
  is_bound_ &= sqlite3_bind_text64(handle_.get(), parameter, text.data() ? text.data() : "",
                                   text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t number) {
  is_bound_ &= sqlite3_bind_int64(handle_.get(), parameter, number) == SQLITE_OK;
  return *this;
}

Statement::Step Statement::step() {
  if (!is_bound_) return Step::failed;
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW:
      return Step::row;
    case SQLITE_DONE:
      return Step::done;
    default:
      return Step::failed;
  }
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
  is_bound_ = true;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

double Statement::real(int column) const { return sqlite3_column_double(handle_.get(), column); }

std::string_view Statement::text(int column) const {
  const auto* const text =
      reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

int Statement::columns() const { return sqlite3_column_count(handle_.get()); }

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

std::variant<Database, std::string> Database::open(const std::string& path, Access access) {
  constexpr int kCommon = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int flags = access == Access::read    ? SQLITE_OPEN_READONLY
                    : access == Access::write ? SQLITE_OPEN_READWRITE
                                              : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  // A database in WAL mode that nobody has open needs files beside it even to be read. Where these
  // cannot be made nobody else writes either, or they would be there: it may be read as it lies.
  const std::array<std::string, 2> uris = {uri_of(path), uri_of(path) + "?immutable=1"};
  const std::size_t tries = access == Access::read ? uris.size() : 1;
  std::string error;
  for (std::size_t i = 0; i < tries; ++i) {
    sqlite3* handle = nullptr;
    int result = sqlite3_open_v2(uris[i].c_str(), &handle, kCommon | flags, nullptr);
    Database database;
    database.handle_.reset(handle);
    if (result == SQLITE_OK) {
      sqlite3_extended_result_codes(handle, 1);
      sqlite3_busy_timeout(handle, kPatienceMilliseconds);
      sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
      sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
      // Opening looks at nothing: only this shows whether it is a database that can be read.
      result =
          sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
    }
    if (result == SQLITE_OK) return database;
    // Of several errors the first is the one to tell.
    if (error.empty()) error = error_of(handle, result);
    if ((result & 0xff) != SQLITE_CANTOPEN && (result & 0xff) != SQLITE_READONLY) break;
  }
  return error;
}

std::optional<std::string> Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result == SQLITE_OK) return std::nullopt;
  return error_of(handle_.get(), result);
}

std::variant<Statement, std::string> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  Statement statement;
  statement.handle_.reset(handle);
  if (result != SQLITE_OK) return error_of(handle_.get(), result);
  if (handle == nullptr) return "no statement";
  return statement;
}

std::optional<std::int64_t> Database::integer(std::string_view sql) {
  auto prepared = prepare(sql);
  auto* const statement = std::get_if<Statement>(&prepared);
  if (statement == nullptr || statement->step() != Statement::Step::row) return std::nullopt;
  return statement->integer(0);
}

std::string Database::error() const { return sqlite3_errmsg(handle_.get()); }

std::int64_t Database::rows_changed() const { return sqlite3_changes64(handle_.get()); }

bool Database::is_in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

}  // namespace postern::audit::inventory
