// Reading audit lines, see audit_table.h.
#include "proxy/demo/audit_table.h"

#include <algorithm>
#include <array>

namespace postern::demo {
namespace {

// The text of a key, "-" where it is missing.
std::string text_of(const nlohmann::json& keys, const char* key) {
  const auto found = keys.find(key);
  return found != keys.end() && found->is_string() ? found->get<std::string>() : "-";
}

bool has(const nlohmann::json& keys, const char* key, std::string_view value) {
  return text_of(keys, key) == value;
}

void add_column(std::string& row, const std::string& text, std::size_t width) {
  row += text;
  row.append(width > text.size() ? width - text.size() : 1, ' ');
}

}  // namespace

AuditTable::AuditTable(std::string lines) : lines_(std::move(lines)) {
  std::string_view rest = lines_;
  for (std::size_t end = rest.find('\n');
       end != std::string_view::npos && events_.size() < kMaxLines; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    nlohmann::json keys = nlohmann::json::parse(line, nullptr, false);
    if (keys.is_object()) {
      events_.push_back({.keys = std::move(keys), .line = std::string(line)});
    }
    rest.remove_prefix(end + 1);
  }
}

std::size_t AuditTable::count(std::string_view action) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      events_, [&](const Event& event) { return has(event.keys, "event.action", action); }));
}

std::size_t AuditTable::count_successful_logins_of(std::string_view user) const {
  return static_cast<std::size_t>(std::ranges::count_if(events_, [&](const Event& event) {
    return has(event.keys, "event.action", "login") &&
           has(event.keys, "event.outcome", "success") && has(event.keys, "user.name", user);
  }));
}

std::string AuditTable::first_line_of(std::string_view action) const {
  const auto found = std::ranges::find_if(
      events_, [&](const Event& event) { return has(event.keys, "event.action", action); });
  return found == events_.end() ? "" : found->line;
}

std::vector<std::string> AuditTable::rows() const {
  constexpr std::array<std::string_view, 4> kShown = {"login", "login-refused", "session-abandoned",
                                                      "session-end"};
  std::vector<std::string> rows;
  for (const auto& [keys, line] : events_) {
    const std::string action = text_of(keys, "event.action");
    if (std::ranges::find(kShown, action) == kShown.end()) {
      continue;
    }
    std::string row;
    add_column(row, action, 19);
    add_column(row, text_of(keys, "postern.listener"), 13);
    add_column(row, text_of(keys, "postern.security"), 11);
    add_column(row, text_of(keys, "tls.version"), 5);
    if (action.starts_with("login")) {
      add_column(row, text_of(keys, "postern.auth.mechanism"), 12);
      add_column(row, text_of(keys, "user.name"), 10);
      row += text_of(keys, action == "login" ? "event.outcome" : "event.reason");
    } else {
      row += text_of(keys, "event.reason");
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace postern::demo
