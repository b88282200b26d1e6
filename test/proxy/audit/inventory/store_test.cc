// Rows that events become in the database, and what bounds them.
#include "proxy/audit/inventory/store.h"

#include <fstream>

#include "proxy/audit/inventory/schema.h"
#include "test/proxy/audit/inventory/samples.h"

using namespace inventory_samples;
using namespace postern::audit::inventory;

namespace {

std::unique_ptr<Store> open_store(const std::string& path) {
  auto opened = Store::open(path, "gate.example.com");
  if (const auto* error = std::get_if<std::string>(&opened)) FAIL(*error);
  return std::move(std::get<std::unique_ptr<Store>>(opened));
}

void write(Store& store, const std::vector<audit::Event>& events) {
  Rollup rollup;
  for (const auto& event : events) rollup.add(event, "gate.example.com");
  const auto error = store.write(rollup);
  if (error) FAIL(*error);
}

void remove_all_before(Store& store, std::int64_t day) {
  for (int steps = 0; steps < 10'000; ++steps) {
    const auto left = store.remove_before(day);
    if (const auto* error = std::get_if<std::string>(&left)) FAIL(*error);
    if (std::get<Store::Left>(left) == Store::Left::nothing) return;
  }
  FAIL("removing does not end");
}

constexpr const char* kCounts =
    "SELECT user, successes, failures, refused, warned, exposed FROM login ORDER BY user";

}  // namespace

TEST_CASE("logins that are alike become one row, in one batch and in several") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  auto warned = login("anna");
  warned.verdict = "warn";
  write(*store, {{on_day(kDay, 5ms), login("anna")},
                 {on_day(kDay, 2ms), warned},
                 {on_day(kDay, 9ms), refused("anna")},
                 {on_day(kDay + 1), login("anna")}});
  write(*store, {{on_day(kDay, 1ms), login("anna")}, {on_day(kDay, 7ms), login("bert")}});
  CHECK(rows(path, kCounts) ==
        std::vector<std::string>{"anna|3|0|1|1|4", "anna|1|0|0|0|1", "bert|1|0|0|0|1"});
  const auto noon = std::to_string(on_day(kDay).time_since_epoch() / 1ms);
  CHECK(rows(path, "SELECT first_seen - " + noon + ", last_seen - " + noon +
                       " FROM login WHERE user = 'anna' AND day = 20000") ==
        std::vector<std::string>{"1|9"});
  CHECK(rows(path, "SELECT * FROM meta") == std::vector<std::string>{"node|gate.example.com"});
}

TEST_CASE("whatever tells two ways of logging in apart makes two rows") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  std::vector<audit::Event> events;
  const auto add = [&](auto change) {
    auto event = login("anna", tls_session());
    change(event);
    events.push_back({on_day(kDay), event});
  };
  add([](auto&) {});
  add([](auto& event) { event.login.user = "bert"; });
  add([](auto& event) { event.login.user_hash = "anna"; });
  add([](auto& event) { event.session.listener = "imap2"; });
  add([](auto& event) { event.session.source = *postern::net::Address::parse("192.0.2.8", 1); });
  add([](auto& event) { event.session.client_name = "Outlook"; });
  add([](auto& event) {
    event.session.client_name = "Outlook";
    event.session.client_named_by = "imap_id";
  });
  add([](auto& event) { event.session.protocol = "pop3"; });
  add([](auto& event) { event.session.security = audit::Security::implicit; });
  add([](auto& event) { event.session.tls->version = "1.2"; });
  add([](auto& event) { event.session.tls->cipher = "TLS_AES_256_GCM_SHA384"; });
  add([](auto& event) { event.session.tls->curve = "secp256r1"; });
  add([](auto& event) { event.session.tls->ja4 = "t12"; });
  add([](auto& event) { event.login.mechanism = "PLAIN"; });
  add([](auto& event) { event.rule = "printers"; });
  write(*store, events);
  CHECK(number(path, "SELECT count(*) FROM login") == static_cast<std::int64_t>(events.size()));
  CHECK(number(path, "SELECT max(successes) FROM login") == 1);
}

TEST_CASE("an IPv6 address counts as its network of 64 bits, a mapped one as IPv4") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  write(*store, {{on_day(kDay), login("anna", session("2001:db8:1:2:3:4:5:6"))},
                 {on_day(kDay), login("anna", session("2001:db8:1:2::9"))},
                 {on_day(kDay), login("anna", session("::ffff:192.0.2.200"))}});
  CHECK(rows(path, "SELECT address, successes FROM login ORDER BY 1") ==
        std::vector<std::string>{"192.0.2.200|1", "2001:db8:1:2::/64|2"});
}

TEST_CASE("whatever a client calls itself becomes bounded text") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  const std::string nul("a\0b", 3);
  write(*store, {{on_day(kDay), login(nul)},
                 {on_day(kDay), login("\xff\xfe'; DROP TABLE login; --")},
                 {on_day(kDay), login("CORP\\" + std::string(1000, 'x'))},
                 {on_day(kDay), login(std::string(2000, '\x80'))}});
  CHECK(rows(path, "SELECT max(length(CAST(user AS BLOB))) FROM login") ==
        std::vector<std::string>{"261"});
  CHECK(rows(path, "SELECT user FROM login WHERE user LIKE '%b'") ==
        std::vector<std::string>{"a?b"});
  CHECK(rows(path, "SELECT user FROM login WHERE user LIKE '%DROP%'") ==
        std::vector<std::string>{"\xef\xbf\xbd\xef\xbf\xbd'; DROP TABLE login; --"});
  CHECK(number(path, "SELECT count(*) FROM login") == 4);
}

TEST_CASE("failed handshakes, abandoned sessions, fingerprints and gaps have tables of their own") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  auto first = login("anna", tls_session());
  // GREASE, RFC 8701, says nothing.
  first.hello = std::make_shared<const audit::Hello>(
      audit::Hello{{0x7a7a, 0x0304}, {0x1a1a, 0x1301, 0xc02f}, {0x001d}, {}});
  write(*store, {{on_day(kDay, 3ms), first},
                 {on_day(kDay, 8ms), login("anna", tls_session())},
                 {on_day(kDay), failed_handshake("192.0.2.9", "t10")},
                 {on_day(kDay), failed_handshake("192.0.2.9", "t10")},
                 {on_day(kDay), failed_handshake("192.0.2.9", "")},
                 {on_day(kDay), abandoned("CAPABILITY")},
                 {on_day(kDay), audit::GapEvent{"queue_full", 12}},
                 {on_day(kDay), audit::SessionEndEvent{session(), "client_quit", {}, 0, 0, ""}}});
  CHECK(rows(path,
             "SELECT ja4, versions, ciphers, curves, signature_algorithms,"
             " last_seen - first_seen FROM fingerprint ORDER BY ja4") ==
        std::vector<std::string>{
            "t10|[769]|[5,47]|[]|[]|0",
            "t13d1516h2_8daaf6152771_b186095e22b6|[772]|[4865,49199]|[29]|[]|5"});
  CHECK(rows(path, "SELECT listener, address, reason, ja4, count FROM handshake_failure") ==
        std::vector<std::string>{"imap|192.0.2.9|no_shared_version||1",
                                 "imap|192.0.2.9|no_shared_version|t10|2"});
  CHECK(rows(path,
             "SELECT listener, address, security, last_command, reason, count FROM abandoned") ==
        std::vector<std::string>{"imap|192.0.2.7|cleartext|CAPABILITY|client_quit|1"});
  CHECK(rows(path, "SELECT node, reason, lost FROM gap") ==
        std::vector<std::string>{"gate.example.com|queue_full|12"});
}

TEST_CASE("guessed names fill half of a day at most, and are counted beyond it") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  const auto most = static_cast<std::int64_t>(kMostLoginRowsADay / 2);
  for (std::int64_t done = 0; done < most + 1000;) {
    Rollup rollup;
    for (int i = 0; i < 10'000; ++i) {
      rollup.add({on_day(kDay), failed_login("hash" + std::to_string(done++))}, "n");
    }
    REQUIRE(!store->write(rollup));
  }
  const auto overflow =
      "SELECT user, user_is_hash, address, software, ja4, mechanism, failures > 0"
      " FROM login WHERE user = '*'";
  CHECK(rows(path, overflow) == std::vector<std::string>{"*|0|*|*|*|*|1"});
  CHECK(number(path, "SELECT count(*) FROM login") == most + 1);
  // Who logs in is not crowded out; nor are other days; and a kind that is known goes on.
  write(*store, {{on_day(kDay), login("anna")},
                 {on_day(kDay + 1), failed_login("new")},
                 {on_day(kDay), failed_login("hash1")}});
  CHECK(number(path, "SELECT count(*) FROM login WHERE user IN ('anna', 'new')") == 2);
  CHECK(number(path, "SELECT failures FROM login WHERE user = 'hash1'") == 2);
  // The bound holds for one that begins anew, too.
  store.reset();
  store = open_store(path);
  write(*store, {{on_day(kDay), failed_login("another")}});
  CHECK(number(path, "SELECT count(*) FROM login WHERE user = 'another'") == 0);
}

TEST_CASE("failed handshakes of a day and fingerprints are bounded") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  Rollup rollup;
  for (std::size_t i = 0; i < kMostFailureRowsADay + 500; ++i) {
    rollup.add({on_day(kDay), failed_handshake("192.0.2.9", "x" + std::to_string(i))}, "n");
  }
  REQUIRE(!store->write(rollup));
  CHECK(number(path, "SELECT count(*) FROM handshake_failure") ==
        static_cast<std::int64_t>(kMostFailureRowsADay + 1));
  CHECK(rows(path, "SELECT address, ja4, count FROM handshake_failure WHERE address = '*'") ==
        std::vector<std::string>{"*|*|500"});
  CHECK(number(path, "SELECT count(*) FROM fingerprint") ==
        static_cast<std::int64_t>(kMostFingerprints / 2));
  auto first = login("anna", tls_session());
  first.hello = std::make_shared<const audit::Hello>(audit::Hello{{0x0304}, {0x1301}, {}, {}});
  write(*store, {{on_day(kDay), first}});
  CHECK(number(path, "SELECT count(*) FROM fingerprint WHERE ja4 LIKE 't13%'") == 1);
}

TEST_CASE("what is older than is kept goes, in steps, and its room is used again") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  const auto fill = [&](std::int64_t day) {
    Rollup rollup;
    for (int i = 0; i < 6000; ++i) {
      rollup.add({on_day(day), login("user" + std::to_string(i))}, "n");
    }
    rollup.add({on_day(day), failed_handshake("192.0.2.9", "day" + std::to_string(day))}, "n");
    rollup.add({on_day(day), abandoned("NOOP")}, "n");
    rollup.add({on_day(day), audit::GapEvent{"queue_full", 1}}, "n");
    rollup.add({on_day(day), audit::NodeEvent{"start"}}, "n");
    rollup.add({on_day(day, 1ms), audit::NodeEvent{"stop"}}, "n");
    REQUIRE(!store->write(rollup));
  };
  fill(kDay);
  fill(kDay + 1);
  const auto first = store->remove_before(kDay + 1);
  REQUIRE(std::get<Store::Left>(first) == Store::Left::more);
  CHECK(number(path, "SELECT count(*) FROM login") > 6000);
  remove_all_before(*store, kDay + 1);
  for (const std::string table : {"login", "handshake_failure", "abandoned"}) {
    CHECK(number(path, "SELECT min(day) FROM " + table) == kDay + 1);
  }
  CHECK(number(path, "SELECT count(*) FROM login") == 6000);
  CHECK(number(path, "SELECT count(*) FROM fingerprint") == 1);
  CHECK(number(path, "SELECT count(*) FROM gap") == 1);
  CHECK(number(path, "SELECT count(*) FROM run") == 1);

  const auto pages = number(path, "PRAGMA page_count");
  for (std::int64_t day = kDay + 2; day < kDay + 8; ++day) {
    fill(day);
    remove_all_before(*store, day);
  }
  CHECK(number(path, "PRAGMA page_count") <= 2 * pages);
  remove_all_before(*store, kDay + 100);
  store->trim();
  CHECK(number(path, "PRAGMA page_count") < pages / 2);
  CHECK(rows(path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
}

TEST_CASE("a database that is none of ours is left alone") {
  const Folder folder;
  const auto error_of = [&](const std::string& name) {
    auto opened = Store::open(folder.file(name), "n");
    return std::holds_alternative<std::string>(opened) ? std::get<std::string>(opened) : "";
  };
  auto later = open_database(folder.file("later.db"), Database::Access::create);
  REQUIRE(!later.execute("CREATE TABLE t(a); PRAGMA user_version = 99"));
  auto other = open_database(folder.file("other.db"), Database::Access::create);
  REQUIRE(!other.execute("CREATE TABLE t(a)"));
  std::ofstream(folder.file("text")) << std::string(10'000, 'a');
  CHECK(error_of("later.db") ==
        "made by another version of postern: its tables are of version 99, not 1");
  CHECK(error_of("other.db") == "a database, but no inventory");
  CHECK(error_of("text") == "file is not a database");
  CHECK(error_of("none/a.db") == "No such file or directory");
  CHECK(number(folder.file("other.db"), "SELECT count(*) FROM sqlite_schema") == 1);
}

TEST_CASE("a file that is made can be read by its owner and group alone") {
  const Folder folder;
  const auto before = umask(0022);
  const auto store = open_store(folder.file("a.db"));
  umask(before);
  for (const auto* const name : {"a.db", "a.db-wal", "a.db-shm"}) {
    struct stat status {};
    REQUIRE(stat(folder.file(name).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
  }
}

TEST_CASE("a reader that stays holds nobody up") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto store = open_store(path);
  write(*store, {{on_day(kDay), login("anna")}});
  auto reader = open_database(path);
  REQUIRE(!reader.execute("BEGIN; SELECT * FROM login"));
  write(*store, {{on_day(kDay), login("bert")}});
  store->trim();
  CHECK(reader.integer("SELECT count(*) FROM login") == 1);  // as it was when it began
  CHECK(number(path, "SELECT count(*) FROM login") == 2);
  REQUIRE(!reader.execute("COMMIT"));
  store->trim();
  CHECK(std::filesystem::file_size(path + "-wal") == 0);
}
