// The inventory's thread: its queue, its one writer, what it does when the file fails it.
#include "proxy/audit/inventory/inventory.h"

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "proxy/audit/inventory/day_watch.h"
#include "proxy/audit/inventory/store.h"
#include "proxy/net/clock.h"
#include "test/proxy/audit/inventory/samples.h"

using namespace inventory_samples;
using postern::audit::inventory::Inventory;

namespace {

std::variant<std::unique_ptr<Inventory>, std::string> open(const std::string& path) {
  return Inventory::open({path, "gate.example.com", std::chrono::days(400)});
}

std::unique_ptr<Inventory> must_open(const std::string& path) {
  auto opened = open(path);
  if (const auto* error = std::get_if<std::string>(&opened)) FAIL(*error);
  return std::move(std::get<std::unique_ptr<Inventory>>(opened));
}

audit::WallTime now() { return postern::net::wall_clock(); }

std::vector<audit::Event> logins(int count, const std::string& stem = "user") {
  std::vector<audit::Event> events;
  for (int i = 0; i < count; ++i) events.push_back({now(), login(stem + std::to_string(i))});
  return events;
}

template <typename Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

// Takes room away from this process's files, as a full disk does.
class FileLimit {
 public:
  explicit FileLimit(rlim_t size) {
    getrlimit(RLIMIT_FSIZE, &before_);
    auto limit = before_;
    limit.rlim_cur = size;
    old_ = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() { lift(); }
  void lift() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  void (*old_)(int) = SIG_DFL;
};

}  // namespace

TEST_CASE("what waits when the inventory ends is written") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto one = must_open(path);
  one->take({{now(), audit::NodeEvent{"start"}}});
  one->take(logins(3));
  one->take({{now(), audit::SessionEndEvent{session(), "client_quit", {}, 0, 0, ""}}});
  one->take({{now(), audit::NodeEvent{"stop"}}});
  CHECK(one->take_lost() == 0);
  one.reset();
  CHECK(number(path, "SELECT sum(successes) FROM login") == 3);
  CHECK(rows(path, "SELECT count(*), node, min(stopped) >= min(started) FROM run") ==
        std::vector<std::string>{"1|gate.example.com|1"});
}

TEST_CASE("events become visible to readers soon, without an end") {
  const Folder folder;
  const auto path = folder.file("a.db");
  const auto one = must_open(path);
  one->take(logins(1));
  CHECK(comes_true([&] { return number(path, "SELECT count(*) FROM login") == 1; }));
  one->take(logins(2));
  CHECK(comes_true([&] { return number(path, "SELECT sum(successes) FROM login") == 3; }));
}

TEST_CASE("a run that was killed is known to the next one, an ended one is none") {
  const Folder folder;
  const auto path = folder.file("a.db");
  CHECK_FALSE(must_open(path)->had_unclean_stop());
  CHECK_FALSE(must_open(path)->had_unclean_stop());
  // As a run that was killed leaves it.
  std::filesystem::copy(path, folder.file("b.db"));
  REQUIRE(!open_database(folder.file("b.db"), inventory::Database::Access::write)
               .execute("UPDATE run SET stopped = 0 WHERE rowid = 2"));
  CHECK(must_open(folder.file("b.db"))->had_unclean_stop());
  CHECK_FALSE(must_open(folder.file("b.db"))->had_unclean_stop());  // said once
  // Another node's unended run is none of this one's.
  REQUIRE(!open_database(path, inventory::Database::Access::write)
               .execute("UPDATE run SET stopped = 0, node = 'other.example.com'"));
  CHECK_FALSE(must_open(path)->had_unclean_stop());
}

TEST_CASE("an inventory has one writer at a time") {
  const Folder folder;
  auto one = must_open(folder.file("a.db"));
  const auto second = open(folder.file("a.db"));
  REQUIRE(std::holds_alternative<std::string>(second));
  CHECK(std::get<std::string>(second) == folder.file("a.db") + ": in use by another postern");
  one.reset();
  must_open(folder.file("a.db"));
}

TEST_CASE("an inventory that cannot be is an error at the start") {
  const Folder folder;
  std::ofstream(folder.file("text")) << std::string(10'000, 'a');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {folder.file("none/a.db"), "No such file or directory"},
      {folder.file("text"), "file is not a database"},
      {"/proc/a.db", "No such file or directory"}};
  for (const auto& [path, words] : cases) {
    CHECK(std::get<std::string>(open(path)) == path + ": " + words);
  }
}

TEST_CASE("what does not fit into the queue is counted") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto one = must_open(path);
  // Somebody else writes for long: nothing leaves the queue.
  auto other = open_database(path, inventory::Database::Access::write);
  REQUIRE(!other.execute("BEGIN IMMEDIATE"));
  std::uint64_t given = 0;
  std::uint64_t lost = 0;
  const bool has_lost = comes_true([&] {
    one->take(logins(10'000));
    given += 10'000;
    lost += one->take_lost();
    return lost > 0;
  });
  REQUIRE(has_lost);
  CHECK(given - lost >= 50'000);
  REQUIRE(!other.execute("COMMIT"));
  one.reset();
  CHECK(number(path, "SELECT sum(successes) FROM login") ==
        static_cast<std::int64_t>(given - lost));
}

TEST_CASE("a full disk costs nothing while the queue holds, and is over when there is room") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto one = must_open(path);
  one->take(logins(10, "before"));
  REQUIRE(comes_true([&] { return number(path, "SELECT count(*) FROM login") == 10; }));
  FileLimit limit(std::filesystem::file_size(path + "-wal"));
  one->take(logins(1000, "during"));
  std::this_thread::sleep_for(2500ms);  // more than one try
  CHECK(number(path, "SELECT count(*) FROM login") == 10);
  limit.lift();
  CHECK(comes_true([&] { return number(path, "SELECT count(*) FROM login") == 1010; }));
  CHECK(one->take_lost() == 0);
  one.reset();
  CHECK(rows(path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
}

TEST_CASE("a day's old rows go by themselves") {
  const Folder folder;
  const auto path = folder.file("a.db");
  {  // an inventory's own thread might remove the old one at once
    auto opened = inventory::Store::open(path, "gate.example.com");
    REQUIRE(std::holds_alternative<std::unique_ptr<inventory::Store>>(opened));
    inventory::Rollup rollup;
    rollup.add({now() - std::chrono::days(402), login("old")}, "gate.example.com");
    rollup.add({now(), login("new")}, "gate.example.com");
    REQUIRE_FALSE(std::get<0>(opened)->write(rollup));
  }
  REQUIRE(number(path, "SELECT count(*) FROM login") == 2);
  const auto one = must_open(path);
  CHECK(comes_true([&] { return number(path, "SELECT count(*) FROM login") == 1; }));
  CHECK(rows(path, "SELECT user FROM login") == std::vector<std::string>{"new"});
}

TEST_CASE("a clock that is years ahead removes nothing at once") {
  const Folder folder;
  const auto path = folder.file("a.db");
  {
    auto opened = inventory::Store::open(path, "gate.example.com");
    REQUIRE(std::holds_alternative<std::unique_ptr<inventory::Store>>(opened));
    inventory::Rollup rollup;
    rollup.add({now() - std::chrono::days(402), login("old")}, "gate.example.com");
    REQUIRE_FALSE(std::get<0>(opened)->write(rollup));
  }
  const auto one = must_open(path);
  one->take(logins(1));
  CHECK(comes_true([&] { return number(path, "SELECT count(*) FROM login") == 2; }));
}

TEST_CASE("the day is gone by when it is no leap, or has lasted") {
  using inventory::DayWatch;
  const DayWatch::Steady::time_point begin(1h);
  CHECK(DayWatch(std::nullopt).may_go_by(kDay, begin));
  CHECK(DayWatch(kDay).may_go_by(kDay + DayWatch::kMostAhead, begin));
  DayWatch watch(kDay);
  CHECK_FALSE(watch.may_go_by(kDay + 4000, begin));
  CHECK_FALSE(watch.may_go_by(kDay + 4000, begin + 23h));
  CHECK(watch.may_go_by(kDay + 4001, begin + 24h));
  CHECK_FALSE(watch.may_go_by(kDay + 8000, begin + 25h));
  CHECK(watch.may_go_by(kDay, begin + 26h));  // set right
  CHECK(watch.may_go_by(kDay + 1, begin + 50h));
}
