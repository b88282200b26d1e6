// See store.h.
#include "proxy/audit/inventory/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "proxy/audit/inventory/day_table.h"
#include "proxy/audit/inventory/schema.h"
#include "proxy/audit/inventory/sqlite.h"

namespace postern::audit::inventory {

namespace {

constexpr mode_t kFileMode = 0640;

// Readers that stay keep the WAL from being started over; beyond this size nothing is written until
// they are gone.
constexpr off_t kMostWal = 256 << 20;

constexpr std::int64_t kMostRemoved = 500;     // rows of a table in one step
constexpr std::int64_t kMostFreedPages = 256;  // given back in one step

std::string words(int error) { return std::strerror(error); }

std::optional<std::string> make_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (descriptor < 0) return words(errno);
  close(descriptor);
  return std::nullopt;
}

// Settings of a connection. auto_vacuum acts only before the first table is made.
constexpr const char* kPragmas =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA wal_autocheckpoint = 1000;"
    "PRAGMA journal_size_limit = 4194304;"
    "PRAGMA cache_size = -8192;"
    "PRAGMA temp_store = MEMORY;";

std::optional<std::string> make_tables(Database& database, const std::string& node) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return database.error();
  if (*version == kSchemaVersion) return std::nullopt;
  if (*version != 0) {
    return fmt::format("made by another version of postern: its tables are of version {}, not {}",
                       *version, kSchemaVersion);
  }
  if (database.integer("SELECT count(*) FROM sqlite_schema") != 0) {
    return "a database, but no inventory";
  }
  if (auto error = database.execute(
          fmt::format("BEGIN IMMEDIATE;{}PRAGMA user_version = {};", kSchema, kSchemaVersion))) {
    return error;
  }
  {
    auto prepared = database.prepare("INSERT INTO meta VALUES('node', ?1)");
    if (auto* error = std::get_if<std::string>(&prepared)) return std::move(*error);
    auto& insert = std::get<Statement>(prepared);
    if (insert.bind(1, node).step() != Statement::Step::done) return database.error();
  }
  return database.execute("COMMIT");
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, Database database)
      : path_(std::move(path)), database_(std::move(database)) {}

  std::optional<std::string> prepare();

  std::optional<std::string> write(const Rollup& rollup) override;
  bool has_unended_run(const std::string& node) override;
  std::variant<std::int64_t, std::string> begin_run(const std::string& node,
                                                    std::int64_t time) override;
  std::optional<std::string> end_run(std::int64_t run, std::int64_t time) override;
  std::optional<std::int64_t> last_day() override;
  std::variant<Left, std::string> remove_before(std::int64_t day) override;
  void trim() override;
  bool is_in_place() const override;

 private:
  // Calls `body` in a transaction; false from it, or a commit that fails, undoes all.
  template <typename Body>
  std::optional<std::string> in_transaction(Body body);
  bool is_done(Statement& statement);
  bool write_all(const Rollup& rollup);
  bool write(const std::string& ja4, const Fingerprint& fingerprint);
  bool write(const Gap& gap);
  bool write(const RunMark& mark);
  std::optional<std::string> check_wal();

  std::string path_;
  Database database_;
  struct stat opened_ {};
  std::vector<DayTable> tables_;  // login, handshake_failure, abandoned
  Statement see_fingerprint_;
  Statement add_fingerprint_;
  Statement add_gap_;
  Statement date_run_;
  Statement add_run_;
  Statement stop_run_;
  std::optional<std::int64_t> fingerprints_;  // how many there are, once it is known
  bool is_run_dated_ = true;                  // else the next start event is that of begin_run()
};

std::optional<std::string> SqliteStore::prepare() {
  if (stat(path_.c_str(), &opened_) != 0) return words(errno);
  for (const auto* shape : {&kLoginShape, &kHandshakeFailureShape, &kAbandonedShape}) {
    auto table = DayTable::prepare(database_, *shape);
    if (auto* error = std::get_if<std::string>(&table)) return std::move(*error);
    tables_.push_back(std::move(std::get<DayTable>(table)));
  }
  const std::array<std::pair<Statement*, const char*>, 6> statements = {{
      {&see_fingerprint_,
       "UPDATE fingerprint SET first_seen = min(first_seen, ?2), last_seen = max(last_seen, ?3)"
       " WHERE ja4 = ?1"},
      {&add_fingerprint_, "INSERT INTO fingerprint VALUES(?1, ?4, ?5, ?6, ?7, ?2, ?3)"},
      {&add_gap_, "INSERT INTO gap VALUES(?1, ?2, ?3, ?4)"},
      {&date_run_,
       "UPDATE run SET started = ?2 WHERE rowid ="
       " (SELECT max(rowid) FROM run WHERE node = ?1 AND stopped = 0)"},
      {&add_run_, "INSERT INTO run VALUES(?1, ?2, 0)"},
      {&stop_run_,
       "UPDATE run SET stopped = ?2 WHERE rowid = (SELECT rowid FROM run WHERE node = ?1 AND"
       " stopped = 0 AND started <= ?2 ORDER BY started DESC, rowid DESC LIMIT 1)"},
  }};
  for (const auto& [statement, sql] : statements) {
    auto prepared = database_.prepare(sql);
    if (auto* error = std::get_if<std::string>(&prepared)) return std::move(*error);
    *statement = std::move(std::get<Statement>(prepared));
  }
  return std::nullopt;
}

template <typename Body>
std::optional<std::string> SqliteStore::in_transaction(Body body) {
  auto error = database_.execute("BEGIN IMMEDIATE");
  if (error) return error;
  if (body()) {
    error = database_.execute("COMMIT");
  } else {
    error = database_.error();
  }
  if (error) {
    if (database_.is_in_transaction()) database_.execute("ROLLBACK");
    for (auto& table : tables_) table.forget();
    fingerprints_.reset();
  }
  return error;
}

bool SqliteStore::is_done(Statement& statement) {
  const auto step = statement.step();
  statement.reset();
  return step == Statement::Step::done;
}

std::optional<std::string> SqliteStore::check_wal() {
  struct stat wal {};
  const auto path = path_ + "-wal";
  if (stat(path.c_str(), &wal) != 0 || wal.st_size <= kMostWal) return std::nullopt;
  trim();
  if (stat(path.c_str(), &wal) != 0 || wal.st_size <= kMostWal) return std::nullopt;
  return fmt::format("{} has {} octets: a program that reads the inventory does not end", path,
                     wal.st_size);
}

std::optional<std::string> SqliteStore::write(const Rollup& rollup) {
  if (auto error = check_wal()) return error;
  const bool was_run_dated = is_run_dated_;
  auto error = in_transaction([&] { return write_all(rollup); });
  if (error) is_run_dated_ = was_run_dated;
  return error;
}

bool SqliteStore::write_all(const Rollup& rollup) {
  const std::array<const Rows*, 3> rows = {&rollup.logins, &rollup.handshake_failures,
                                           &rollup.abandoned};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!tables_[i].write(*rows[i])) return false;
  }
  for (const auto& [ja4, fingerprint] : rollup.fingerprints) {
    if (!write(ja4, fingerprint)) return false;
  }
  for (const auto& gap : rollup.gaps) {
    if (!write(gap)) return false;
  }
  for (const auto& mark : rollup.run_marks) {
    if (!write(mark)) return false;
  }
  return true;
}

bool SqliteStore::write(const std::string& ja4, const Fingerprint& fingerprint) {
  see_fingerprint_.bind(1, ja4).bind(2, fingerprint.first_seen).bind(3, fingerprint.last_seen);
  if (!is_done(see_fingerprint_)) return false;
  if (database_.rows_changed() > 0 || fingerprint.versions.empty()) return true;
  if (!fingerprints_) fingerprints_ = database_.integer("SELECT count(*) FROM fingerprint");
  if (!fingerprints_) return false;
  const auto most = fingerprint.is_of_login ? kMostFingerprints : kMostFingerprints / 2;
  if (*fingerprints_ >= static_cast<std::int64_t>(most)) return true;
  ++*fingerprints_;
  add_fingerprint_.bind(1, ja4)
      .bind(2, fingerprint.first_seen)
      .bind(3, fingerprint.last_seen)
      .bind(4, fingerprint.versions)
      .bind(5, fingerprint.ciphers)
      .bind(6, fingerprint.curves)
      .bind(7, fingerprint.signature_algorithms);
  return is_done(add_fingerprint_);
}

bool SqliteStore::write(const Gap& gap) {
  add_gap_.bind(1, gap.time).bind(2, gap.node).bind(3, gap.reason).bind(4, gap.lost);
  return is_done(add_gap_);
}

bool SqliteStore::write(const RunMark& mark) {
  const bool is_start = mark.kind == RunMark::Kind::start;
  auto& statement = !is_start ? stop_run_ : is_run_dated_ ? add_run_ : date_run_;
  if (is_start) is_run_dated_ = true;
  statement.bind(1, mark.node).bind(2, mark.time);
  return is_done(statement);
}

bool SqliteStore::has_unended_run(const std::string& node) {
  auto prepared = database_.prepare(
      "SELECT stopped FROM run WHERE node = ?1 ORDER BY started DESC, rowid DESC LIMIT 1");
  auto* const statement = std::get_if<Statement>(&prepared);
  return statement != nullptr && statement->bind(1, node).step() == Statement::Step::row &&
         statement->integer(0) == 0;
}

std::variant<std::int64_t, std::string> SqliteStore::begin_run(const std::string& node,
                                                               std::int64_t time) {
  add_run_.bind(1, node).bind(2, time);
  if (!is_done(add_run_)) return database_.error();
  is_run_dated_ = false;
  const auto run = database_.integer("SELECT last_insert_rowid()");
  if (!run) return database_.error();
  return *run;
}

std::optional<std::string> SqliteStore::end_run(std::int64_t run, std::int64_t time) {
  return database_.execute(
      fmt::format("UPDATE run SET stopped = {} WHERE rowid = {} AND stopped = 0", time, run));
}

std::optional<std::int64_t> SqliteStore::last_day() {
  const auto day = database_.integer(
      "SELECT max(coalesce((SELECT max(day) FROM login), 0),"
      " coalesce((SELECT max(day) FROM handshake_failure), 0),"
      " coalesce((SELECT max(day) FROM abandoned), 0),"
      " coalesce((SELECT max(max(started, stopped)) FROM run), 0) / 86400000)");
  return day && *day > 0 ? day : std::nullopt;
}

std::variant<Store::Left, std::string> SqliteStore::remove_before(std::int64_t day) {
  bool is_more_left = false;
  const auto until = day * std::int64_t{86'400'000};
  const auto remove_rows = [&] {
    for (auto& table : tables_) {
      const auto removed = table.remove_before(day, kMostRemoved);
      if (!removed) return false;
      is_more_left |= *removed == kMostRemoved;
    }
    const auto other = fmt::format(
        "DELETE FROM fingerprint WHERE ja4 IN"
        " (SELECT ja4 FROM fingerprint WHERE last_seen < {0} LIMIT {1});"
        "DELETE FROM gap WHERE time < {0} OR rowid <= (SELECT max(rowid) FROM gap) - {2};"
        "DELETE FROM run WHERE max(started, stopped) < {0}"
        " OR rowid <= (SELECT max(rowid) FROM run) - {2};",
        until, kMostRemoved, kMostMarks);
    return !database_.execute(other);
  };
  if (auto error = in_transaction(remove_rows)) return *error;
  fingerprints_.reset();
  // Freed pages are used again; only where they are many does the file become smaller.
  const auto pages = database_.integer("PRAGMA page_count");
  const auto free_pages = database_.integer("PRAGMA freelist_count");
  if (pages && free_pages && *free_pages > *pages / 4 && *free_pages > kMostFreedPages) {
    if (auto error =
            database_.execute(fmt::format("PRAGMA incremental_vacuum({})", kMostFreedPages))) {
      return *error;
    }
    is_more_left = true;
  }
  return is_more_left ? Left::more : Left::nothing;
}

void SqliteStore::trim() {
  database_.execute("PRAGMA busy_timeout = 0");
  database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  database_.execute("PRAGMA busy_timeout = 5000");
}

bool SqliteStore::is_in_place() const {
  struct stat now {};
  return stat(path_.c_str(), &now) == 0 && now.st_ino == opened_.st_ino &&
         now.st_dev == opened_.st_dev;
}

}  // namespace

std::variant<WriterLock, std::string> WriterLock::take(const std::string& path) {
  const auto lock = path + ".lock";
  const int descriptor = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (descriptor < 0) return words(errno);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const auto error = errno == EWOULDBLOCK ? "in use by another postern" : words(errno);
    close(descriptor);
    return error;
  }
  return WriterLock(descriptor);
}

WriterLock::WriterLock(WriterLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

WriterLock::~WriterLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::variant<std::unique_ptr<Store>, std::string> Store::open(const std::string& path,
                                                              const std::string& node) {
  if (auto error = make_file(path)) return *error;
  auto opened = Database::open(path, Database::Access::create);
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  auto& database = std::get<Database>(opened);
  if (auto error = database.execute(kPragmas)) return *error;
  if (auto error = make_tables(database, node)) return *error;
  auto store = std::make_unique<SqliteStore>(path, std::move(database));
  if (auto error = store->prepare()) return *error;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace postern::audit::inventory
