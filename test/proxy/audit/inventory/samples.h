// What the inventory's tests share: a folder, events of all kinds, a look into the tables.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/audit/events.h"
#include "proxy/audit/inventory/sqlite.h"

namespace inventory_samples {

namespace audit = postern::audit;
namespace inventory = postern::audit::inventory;
using namespace std::chrono_literals;

class Folder {
 public:
  Folder() {
    std::string folder = std::filesystem::temp_directory_path() / "postern_inventory_XXXXXX";
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    path_ = folder;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A day far from today; noon.
inline constexpr std::int64_t kDay = 20'000;
inline audit::WallTime on_day(std::int64_t day, std::chrono::milliseconds later = 0ms) {
  return audit::WallTime(std::chrono::days(day)) + 12h + later;
}

inline audit::SessionPart session(const std::string& ip = "192.0.2.7") {
  audit::SessionPart part;
  part.id = "1";
  part.listener = "imap";
  part.protocol = "imap";
  part.source = *postern::net::Address::parse(ip, 40'000);
  part.destination = *postern::net::Address::parse("192.0.2.1", 143);
  return part;
}

inline audit::SessionPart tls_session(const std::string& ip = "192.0.2.7") {
  auto part = session(ip);
  part.security = audit::Security::starttls;
  part.starttls_offered = part.starttls_used = true;
  part.tls.emplace();
  part.tls->version = "1.3";
  part.tls->cipher = "TLS_AES_128_GCM_SHA256";
  part.tls->curve = "x25519";
  part.tls->ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
  return part;
}

inline audit::LoginEvent login(const std::string& user, audit::SessionPart part = session()) {
  audit::LoginEvent event;
  event.login.secret_exposed = !part.tls;
  event.session = std::move(part);
  event.login.mechanism = "LOGIN";
  event.login.user = user;
  event.success = true;
  event.verdict = "allow";
  event.rule = "listener";
  return event;
}

inline audit::LoginEvent failed_login(const std::string& hash) {
  auto event = login("");
  event.login.user_hash = hash;
  event.success = false;
  return event;
}

inline audit::LoginRefusedEvent refused(const std::string& user) {
  auto event = login(user);
  return {event.session, event.login, "cleartext", "listener"};
}

inline audit::HandshakeEvent failed_handshake(const std::string& ip, const std::string& ja4) {
  return {session(ip), "no_shared_version", {{0x0301}, {0x0005, 0x002f}, {}, {}}, ja4, "a.example"};
}

inline audit::SessionAbandonedEvent abandoned(const std::string& command) {
  return {session(), "client_quit", command};
}

inline inventory::Database open_database(
    const std::string& path,
    inventory::Database::Access access = inventory::Database::Access::read) {
  auto opened = inventory::Database::open(path, access);
  if (const auto* error = std::get_if<std::string>(&opened)) FAIL(*error);
  return std::move(std::get<inventory::Database>(opened));
}

// All rows of a query, their columns joined by `|`.
inline std::vector<std::string> rows(const std::string& path, const std::string& sql) {
  auto database = open_database(path);
  auto prepared = database.prepare(sql);
  if (const auto* error = std::get_if<std::string>(&prepared)) FAIL(*error);
  auto& statement = std::get<inventory::Statement>(prepared);
  std::vector<std::string> out;
  while (statement.step() == inventory::Statement::Step::row) {
    std::string row;
    for (int column = 0; column < statement.columns(); ++column) {
      if (column > 0) row += '|';
      row += statement.text(column);
    }
    out.push_back(row);
  }
  return out;
}

inline std::int64_t number(const std::string& path, const std::string& sql) {
  auto database = open_database(path);
  const auto value = database.integer(sql);
  if (!value) FAIL(sql << ": " << database.error());
  return *value;
}

// All there is in an inventory.
inline std::vector<std::string> all_rows(const std::string& path) {
  std::vector<std::string> out;
  for (const auto* const table : {"meta", "login", "fingerprint", "handshake_failure", "abandoned",
                                  "gap ORDER BY time", "run ORDER BY started"}) {
    out.push_back(table);
    for (auto& row : rows(path, std::string("SELECT * FROM ") + table)) {
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace inventory_samples
