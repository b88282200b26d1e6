// The inventory's database as its one writer sees it: adds roll-ups, removes what is old.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "proxy/audit/inventory/rollup.h"

namespace postern::audit::inventory {

// Holds the right to write a database: one process at a time, by a lock on a file beside it. (A lock
// within SQLite would keep readers out too.) Ends with the process, however that ends.
class WriterLock {
 public:
  // `path` is the database's. The error says what is wrong, without the path.
  static std::variant<WriterLock, std::string> take(const std::string& path);
  WriterLock(WriterLock&& other) noexcept;
  WriterLock& operator=(WriterLock&& other) = delete;
  ~WriterLock();

 private:
  explicit WriterLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// For one thread, which holds the WriterLock.
class Store {
 public:
  // Opens the database; makes file (mode 0640) and tables where they are not there. Errors: no such
  // folder, no permission, no database, tables of a later version.
  static std::variant<std::unique_ptr<Store>, std::string> open(const std::string& path,
                                                                const std::string& node);
  virtual ~Store() = default;

  // Adds all of it or, with an error, nothing.
  virtual std::optional<std::string> write(const Rollup& rollup) = 0;

  // Whether the last run of `node` has no end.
  virtual bool has_unended_run(const std::string& node) = 0;
  // Enters a run, which its first start event then dates. Gives its number.
  virtual std::variant<std::int64_t, std::string> begin_run(const std::string& node,
                                                            std::int64_t time) = 0;
  // Ends the run of this number where no stop event has.
  virtual std::optional<std::string> end_run(std::int64_t run, std::int64_t time) = 0;

  // The last day of which it holds anything; nullopt: it is new.
  virtual std::optional<std::int64_t> last_day() = 0;

  enum class Left { nothing, more };
  // Removes a bounded number of rows of days before `day`, and gives freed pages back to the file
  // system where these are many.
  virtual std::variant<Left, std::string> remove_before(std::int64_t day) = 0;

  // Makes the WAL small again where no reader is in the way.
  virtual void trim() = 0;
  // Whether the path still leads to the file that is open: somebody may have moved it away.
  virtual bool is_in_place() const = 0;
};

}  // namespace postern::audit::inventory
