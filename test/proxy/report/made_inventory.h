// An inventory made by hand, from the schema: what reports are tested with.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "proxy/audit/inventory/schema.h"
#include "proxy/audit/inventory/sqlite.h"
#include "proxy/report/reader.h"
#include "test/support/source_dir.h"

namespace postern::report {

inline constexpr std::chrono::sys_days kToday{std::chrono::year(2026) / 11 / 25};
inline constexpr Moment kNow = Moment(kToday) + std::chrono::hours(12);

// A row of `login`; what a test does not care about has a value that is plausible.
struct Row {
  int days_ago = 0;
  std::string user = "anna";
  bool is_hash = false;
  std::string listener = "imap";
  std::string address = "192.0.2.7";
  std::string software = "Thunderbird";
  std::string source = "imap_id";
  std::string protocol = "imap";
  std::string security = "cleartext";
  std::string version = "";
  std::string cipher = "";
  std::string curve = "";
  std::string ja4 = "";
  std::string mechanism = "LOGIN";
  std::string rule = "listener";
  int successes = 1;
  int failures = 0;
  int refused = 0;
  int warned = 0;
  int exposed = 0;
};

class MadeInventory {
 public:
  MadeInventory() {
    auto name = (std::filesystem::temp_directory_path() / "postern_report_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    auto opened = inventory::Database::open(path(), inventory::Database::Access::create);
    REQUIRE(std::holds_alternative<inventory::Database>(opened));
    database_.emplace(std::move(std::get<inventory::Database>(opened)));
    run("PRAGMA journal_mode = WAL");
    run(inventory::kSchema);
    run("PRAGMA user_version = " + std::to_string(inventory::kSchemaVersion));
    run("INSERT INTO meta VALUES('node', 'mx1')");
  }
  ~MadeInventory() {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  MadeInventory(const MadeInventory&) = delete;
  MadeInventory& operator=(const MadeInventory&) = delete;

  std::string path() const { return (folder_ / "inventory.db").string(); }
  const std::filesystem::path& folder() const { return folder_; }

  void run(const std::string& sql) {
    const auto error = database_->execute(sql);
    INFO(sql);
    INFO(error.value_or(""));
    REQUIRE_FALSE(error);
  }

  void add(const Row& row) {
    const auto day = (kToday - std::chrono::days(row.days_ago)).time_since_epoch().count();
    const auto first = std::int64_t{day} * 86'400'000 + 8 * 3'600'000;
    auto prepared =
        database_->prepare("INSERT INTO login VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    REQUIRE(std::holds_alternative<inventory::Statement>(prepared));
    auto& statement = std::get<inventory::Statement>(prepared);
    statement.bind(1, std::int64_t{day}).bind(2, row.user).bind(3, std::int64_t{row.is_hash});
    int at = 4;
    for (const auto* const text :
         {&row.listener, &row.address, &row.software, &row.source, &row.protocol, &row.security,
          &row.version, &row.cipher, &row.curve, &row.ja4, &row.mechanism, &row.rule}) {
      statement.bind(at++, std::string_view(*text));
    }
    for (const auto number : {row.successes, row.failures, row.refused, row.warned, row.exposed}) {
      statement.bind(at++, std::int64_t{number});
    }
    statement.bind(at, first).bind(at + 1, first + 3'600'000);
    REQUIRE(statement.step() == inventory::Statement::Step::done);
  }

  // A ClientHello with these lists, "[772,771]".
  void add_fingerprint(const std::string& ja4, const std::string& versions,
                       const std::string& ciphers) {
    run("INSERT INTO fingerprint VALUES('" + ja4 + "', '" + versions + "', '" + ciphers +
        "', '[29]', '[1027]', 0, 0)");
  }

  Reader reader(const Filter& filter = {}) {
    auto opened = Reader::open(path(), filter);
    if (const auto* const error = std::get_if<std::string>(&opened)) FAIL(*error);
    return std::move(std::get<Reader>(opened));
  }

 private:
  std::filesystem::path folder_;
  std::optional<inventory::Database> database_;
};

// Names that want to be more than text.
inline const std::string kHostileUser = "=HYPERLINK(\"http://x\")\x1b[2J<script>alert(1)</script>";
inline const std::string kHostileProgram =
    "\"><img src=x onerror=y>\r\nevil\xff \xe2\x80\xae"
    "gpj";

// A week of a small company.
inline void fill_week(MadeInventory& made) {
  const Row thunderbird{.security = "starttls",
                        .version = "1.3",
                        .cipher = "TLS_AES_128_GCM_SHA256",
                        .curve = "X25519",
                        .ja4 = "modern"};
  for (int day = 0; day < 6; ++day) {
    auto row = thunderbird;
    row.days_ago = day;
    row.successes = 10 + day;
    made.add(row);
    row.user = "carl@example.com";
    row.address = "198.51.100.4";
    row.version = "1.2";
    row.cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    row.ja4 = "both";
    row.successes = 3;
    if (day != 3) made.add(row);
  }
  made.add({.days_ago = 2,
            .address = "192.0.2.9",
            .software = "K-9 Mail",
            .successes = 4,
            .exposed = 4});
  made.add({.days_ago = 5,
            .address = "192.0.2.9",
            .software = "K-9 Mail",
            .successes = 1,
            .exposed = 1});
  made.add({.days_ago = 1,
            .user = "TEST\\joe",
            .listener = "pop3",
            .address = "2001:db8:1:2::/64",
            .software = "USER PASS",
            .source = "commands",
            .protocol = "pop3",
            .mechanism = "USER",
            .successes = 7,
            .exposed = 7});
  made.add({.days_ago = 4,
            .user = "scanner",
            .listener = "submission",
            .address = "192.0.2.66",
            .software = "scanner-3",
            .source = "ehlo",
            .protocol = "submission",
            .mechanism = "PLAIN",
            .rule = "hall-scanners",
            .successes = 30,
            .exposed = 30});
  made.add({.days_ago = 4,
            .user = "bob",
            .listener = "imaps",
            .address = "192.0.2.20",
            .software = "",
            .source = "",
            .security = "implicit",
            .version = "1.0",
            .cipher = "TLS_RSA_WITH_AES_128_CBC_SHA",
            .ja4 = "old",
            .successes = 2});
  made.add({.days_ago = 0,
            .user = "9f2c44d0aa",
            .is_hash = true,
            .address = "203.0.113.5",
            .software = "",
            .source = "",
            .successes = 0,
            .failures = 12,
            .exposed = 12});
  made.add({.days_ago = 3,
            .user = "dora",
            .address = "192.0.2.8",
            .software = "Eudora",
            .successes = 0,
            .refused = 3});
  made.add({.days_ago = 3,
            .user = kHostileUser,
            .address = "203.0.113.9",
            .software = kHostileProgram,
            .successes = 2,
            .exposed = 2});
  made.add({.days_ago = 3,
            .user = "eve",
            .address = "192.0.2.30",
            .rule = "gone-rule",
            .successes = 1,
            .warned = 1,
            .exposed = 1});
  made.add_fingerprint("modern", "[772,771]", "[4865,4866,49199]");
  made.add_fingerprint("both", "[769,770,771]", "[49199,47]");
  made.add_fingerprint("old", "[769]", "[47]");
  made.add_fingerprint("ancient", "[768]", "[4,5]");
  const auto day = kToday.time_since_epoch().count();
  const auto time = std::to_string(std::int64_t{day} * 86'400'000);
  const auto days = std::to_string(day);
  made.run("INSERT INTO handshake_failure VALUES(" + days +
           ", 'imaps', '192.0.2.50', 'protocol_version', 'ancient', 5, " + time + ", " + time +
           "), (" + days + ", 'imaps', '192.0.2.51', 'protocol_version', 'ancient', 1, " + time +
           ", " + time + "), (" + days + ", 'imap', '192.0.2.52', 'no_shared_cipher', '', 1, " +
           time + ", " + time + ")");
  made.run("INSERT INTO abandoned VALUES(" + days +
           ", 'imap', '192.0.2.53', 'cleartext', 'CAPABILITY', 'client_quit', 9, " + time + ", " +
           time + ")");
  made.run("INSERT INTO gap VALUES(" + time + ", 'mx1', 'queue_full', 17)");
  made.run("INSERT INTO run VALUES('mx1', 1763000000000, 0), ('mx1', " + time +
           "-400000000, 0), ('mx1', " + time + ", 0)");
}

// Compares with a file of golden/; with POSTERN_GOLDEN=write in the environment makes it instead.
inline void check_golden(const std::string& name, const std::string& text) {
  const auto path = postern::test::source_dir() + "/test/proxy/report/golden/" + name;
  const char* const wish = std::getenv("POSTERN_GOLDEN");
  if (wish != nullptr && std::string_view(wish) == "write") {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream in(path, std::ios::binary);
  INFO(path);
  REQUIRE(in);
  std::ostringstream golden;
  golden << in.rdbuf();
  CHECK(text == golden.str());
}

}  // namespace postern::report
