// The section `audit`.
#include "conf/audit_section.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "conf/dates.h"
#include "conf/keys.h"
#include "conf/source.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

constexpr std::string_view kLogExpected =
    "stdout, file:PATH, syslog, journald or a list of these, or off";
constexpr std::string_view kInventoryExpected = "sqlite:PATH or none";

// The path behind `scheme` in `text`; none (and reported) where it is no path.
std::optional<std::string> path_behind(const Value& value, std::string_view text,
                                       std::string_view scheme,
                                       const std::filesystem::path& folder) {
  const auto path = parse_path(text.substr(scheme.size()));
  if (path.value) return (folder / *path.value).string();
  value.expected("a path behind `" + std::string(scheme) + "`");
  return std::nullopt;
}

void read_log(const Value& value, const std::filesystem::path& folder,
              std::vector<AuditLog>& logs) {
  constexpr std::string_view kFile = "file:";
  const auto text = value.text(kLogExpected);
  if (!text) return;
  AuditLog log;
  log.place = value.place();
  if (text->starts_with(kFile)) {
    auto path = path_behind(value, *text, kFile, folder);
    if (!path) return;
    log.kind = AuditLog::Kind::file;
    log.path = std::move(*path);
  } else if (*text == "syslog") {
    log.kind = AuditLog::Kind::syslog;
  } else if (*text == "journald") {
    log.kind = AuditLog::Kind::journald;
  } else if (*text == "off") {
    return value.error("`off` stands in a list; expected it alone");
  } else if (*text != "stdout") {
    return value.expected(kLogExpected);
  }
  const bool is_there = std::any_of(logs.begin(), logs.end(), [&](const AuditLog& other) {
    return other.kind == log.kind && other.path == log.path;
  });
  if (is_there) return value.error("stands in the list already; expected each target once");
  logs.push_back(std::move(log));
}

void read_logs(const Value& value, const std::filesystem::path& folder,
               std::vector<AuditLog>& logs) {
  logs.clear();
  if (value.is_list()) {
    for (const auto& item : value.items(kLogExpected, kMostAuditLogs)) read_log(item, folder, logs);
    return;
  }
  const auto text = value.text(kLogExpected);
  if (text && *text != "off") read_log(value, folder, logs);
}

void read_inventory(const Value& value, const std::filesystem::path& folder, Audit& audit) {
  constexpr std::string_view kSqlite = "sqlite:";
  const auto text = value.text(kInventoryExpected);
  if (!text) return;
  if (text->starts_with(kSqlite)) {
    auto path = path_behind(value, *text, kSqlite, folder);
    if (!path) return;
    audit.inventory = std::move(*path);
  } else if (text->starts_with("redis://")) {
    return value.error("`redis:`: not supported yet");
  } else if (*text == "none") {
    audit.inventory.clear();
  } else {
    return value.expected(kInventoryExpected);
  }
  audit.inventory_place = value.place();
}

// A database and lines would destroy each other.
void check_files(const Audit& audit, const Value& inventory) {
  const bool is_log = std::any_of(audit.logs.begin(), audit.logs.end(), [&](const AuditLog& log) {
    return log.kind == AuditLog::Kind::file && log.path == audit.inventory;
  });
  if (is_log) inventory.error("is the file of audit.log, too; expected a file of its own");
}

}  // namespace

void read_audit(const Value& value, const std::filesystem::path& folder, Audit& audit) {
  const auto fields = value.fields("a mapping of audit settings", kAuditKeys);
  if (!fields) return;
  if (const auto log = fields->find("log")) read_logs(*log, folder, audit.logs);
  if (const auto inventory = fields->find("inventory")) {
    read_inventory(*inventory, folder, audit);
    check_files(audit, *inventory);
  }
  fields->read(
      "keep", [](std::string_view text) { return parse_days(text, 1, kMostDaysKept); }, audit.keep);
  fields->choose("usernames", kUsernames, audit.usernames);
  fields->choose("handshakes", kHandshakes, audit.handshakes);
  fields->choose("chain", kChains, audit.chain);
  fields->choose("on_failure", kOnFailures, audit.on_failure);
  const bool writes_nothing = audit.logs.empty() && audit.inventory.empty();
  if (audit.on_failure == OnFailure::refuse && writes_nothing) {
    fields->find("on_failure")
        ->error("`refuse` with neither log nor inventory; expected one that can be written");
  }
}

}  // namespace postern::conf
