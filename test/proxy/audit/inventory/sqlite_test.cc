// The layer over SQLite: values in and out, and what is said where a file cannot be used.
#include "proxy/audit/inventory/sqlite.h"

#include <fstream>

#include "test/proxy/audit/inventory/samples.h"

using namespace inventory_samples;
using namespace postern::audit::inventory;
using Access = Database::Access;

namespace {

Statement prepare(Database& database, std::string_view sql) {
  auto prepared = database.prepare(sql);
  if (const auto* error = std::get_if<std::string>(&prepared)) FAIL(*error);
  return std::move(std::get<Statement>(prepared));
}

}  // namespace

TEST_CASE("what is bound to a statement comes back from the database") {
  const Folder folder;
  // A name that would be something else in a URI.
  const auto path = folder.file("100% a?b#c&mode=ro.db");
  const std::string text = "O'Neil\\\"\xc3\xa9 \n";
  {
    auto database = open_database(path, Access::create);
    REQUIRE(!database.execute("CREATE TABLE t(a TEXT, b INTEGER)"));
    auto insert = prepare(database, "INSERT INTO t VALUES(?1, ?2)");
    REQUIRE(insert.bind(1, text).bind(2, std::int64_t{1} << 40).step() == Statement::Step::done);
    CHECK(database.rows_changed() == 1);
    insert.reset();
    REQUIRE(insert.bind(1, std::string_view()).bind(2, -1).step() == Statement::Step::done);
  }
  CHECK(std::filesystem::exists(path));
  auto database = open_database(path, Access::read);
  auto select = prepare(database, "SELECT a, b, NULL, b / 2.0 FROM t ORDER BY b DESC");
  REQUIRE(select.step() == Statement::Step::row);
  CHECK(select.text(0) == text);
  CHECK(select.integer(1) == std::int64_t{1} << 40);
  CHECK(select.is_null(2));
  CHECK(select.text(2).empty());
  REQUIRE(select.step() == Statement::Step::row);
  CHECK_FALSE(select.is_null(0));
  CHECK(select.text(0).empty());
  CHECK(select.real(3) == -0.5);
  CHECK(select.step() == Statement::Step::done);
  CHECK(database.integer("SELECT count(*) FROM t") == 2);
  CHECK_FALSE(database.integer("SELECT b FROM t WHERE a = 'nobody'"));
}

TEST_CASE("a database that cannot be opened says why") {
  const Folder folder;
  std::ofstream(folder.file("text")) << std::string(4096, 'a');
  const auto open_error = [](const std::string& path, Access access) {
    auto opened = Database::open(path, access);
    REQUIRE(std::holds_alternative<std::string>(opened));
    return std::get<std::string>(opened);
  };
  CHECK(open_error(folder.file("none.db"), Access::read) == "unable to open database file");
  CHECK(open_error(folder.file("none.db"), Access::write) == "unable to open database file");
  CHECK(open_error(folder.file("none/inventory.db"), Access::create) ==
        "unable to open database file");
  CHECK(open_error(folder.file("text"), Access::read) == "file is not a database");
}

TEST_CASE("reading cannot write, and a bad statement is an error") {
  const Folder folder;
  const auto path = folder.file("a.db");
  REQUIRE(!open_database(path, Access::create).execute("CREATE TABLE t(a)"));
  auto database = open_database(path, Access::read);
  CHECK(database.execute("INSERT INTO t VALUES(1)") == "attempt to write a readonly database");
  CHECK(std::get<std::string>(database.prepare("SELECT b FROM t")) == "no such column: b");
  CHECK(std::get<std::string>(database.prepare(" ")) == "no statement");
  CHECK_FALSE(database.is_in_transaction());
  CHECK_FALSE(database.execute("BEGIN"));
  CHECK(database.is_in_transaction());
}
