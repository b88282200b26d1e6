// A thin layer over SQLite: handles that free themselves, errors as values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace postern::audit::inventory {

// A prepared statement; its Database outlives it. Parameters count from 1, columns from 0, as in
// SQLite.
class Statement {
 public:
  enum class Step {
    row,     // a row can be read
    done,    // no more rows; a statement that gives none has been carried out
    failed,  // Database::error() says why
  };

  // The bytes of `text` must live until reset().
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, std::int64_t number);
  // One row further, or carries it out. After `done` and `failed` only reset() may follow.
  Step step();
  // Makes it ready to be carried out again; what was bound stays.
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  // Valid until the next step() or reset(); "" for NULL.
  std::string_view text(int column) const;
  bool is_null(int column) const;
  int columns() const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  bool is_bound_ = true;  // no bind() has failed: out of memory, text too long
};

// A connection to a database file. Used by one thread at a time.
class Database {
 public:
  enum class Access {
    read,    // the file must be there; nothing is written
    write,   // the file must be there
    create,  // made where it is not there
  };

  // Opens it, waits at most five seconds for another one's lock (change it with execute("PRAGMA
  // busy_timeout = …")), and trusts nothing that a file's schema could call. The error has words for
  // people but not the path. A file in a folder where this user may write nothing can be read too.
  static std::variant<Database, std::string> open(const std::string& path, Access access);

  // Carries out one or several statements; the error of the first that fails.
  std::optional<std::string> execute(const std::string& sql);
  std::variant<Statement, std::string> prepare(std::string_view sql);
  // Prepares, and gives the first column of the first row; nothing without one, or after an error.
  std::optional<std::int64_t> integer(std::string_view sql);

  std::string error() const;          // of the last call that failed
  std::int64_t rows_changed() const;  // by the last INSERT, UPDATE or DELETE
  bool is_in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace postern::audit::inventory
