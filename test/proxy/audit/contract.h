// Checks a line of the audit log against the contract, which is data: test/data/events.json.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/source_dir.h"

namespace postern::audit_contract {

using Json = nlohmann::json;

inline const Json& contract() {
  static const Json data = [] {
    std::ifstream file(postern::test::source_dir() + "/test/data/events.json");
    return Json::parse(file);
  }();
  return data;
}

inline bool holds(const Json& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Whether a key may stand in an event of this action.
inline bool is_for(const Json& key, const std::string& action) {
  const auto& in = key["in"];
  if (in == "all") return true;
  return std::any_of(in.begin(), in.end(), [&](const Json& name) {
    const auto& groups = contract()["groups"];
    return name == action || (groups.contains(name) && holds(groups[name], action));
  });
}

inline bool is_address(const std::string& text) {
  std::array<unsigned char, 16> octets{};
  return inet_pton(AF_INET, text.c_str(), octets.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), octets.data()) == 1;
}

inline bool is_time(const std::string& text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
           return form == 'd' ? c >= '0' && c <= '9' : c == form;
         });
}

inline bool fits(const Json& key, const Json& value) {
  const auto& type = key["type"];
  if (type == "number") return value.is_number_unsigned();
  if (type == "flag") return value.is_boolean();
  if (type == "list") {
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [](const Json& item) {
             return item.is_string() && !item.get_ref<const std::string&>().empty();
           });
  }
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || text.size() > contract()["max_text"]) return false;
  if (type == "time") return is_time(text);
  if (type == "address") return is_address(text);
  if (type == "digest") {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  }
  return !key.contains("values") || holds(key["values"], text);
}

// What the head of a line must be for its action.
inline std::string fault_of_head(const Json& line) {
  const std::string action = line["event.action"];
  const auto& actions = contract()["actions"];
  if (!actions.contains(action)) return "unknown action " + action;
  const auto& wanted = actions[action];
  if (line["event.category"] != wanted["category"]) return "wrong category for " + action;
  if (!holds(wanted["levels"], line["log.level"])) return "wrong level for " + action;
  if (line.contains("event.outcome") != !wanted["outcomes"].is_null())
    return "outcome in " + action;
  if (line.contains("event.outcome") && !holds(wanted["outcomes"], line["event.outcome"])) {
    return "wrong outcome for " + action;
  }
  const bool has_none = line.value("event.outcome", "") == "success" &&
                        wanted["outcomes"].size() > 1 && !wanted.value("reason_always", false);
  if (line.contains("event.reason") != (!wanted["reasons"].is_null() && !has_none)) {
    return "reason in " + action;
  }
  if (line.contains("event.reason") && wanted["reasons"] != "words" &&
      !holds(contract()["reasons"][wanted["reasons"]], line["event.reason"])) {
    return "reason of no list: " + line["event.reason"].get<std::string>();
  }
  return {};
}

// What is wrong with a line (with its newline); "" : nothing.
inline std::string fault_of(const std::string& line) {
  if (line.empty() || line.back() != '\n') return "no newline at the end";
  if (!std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < '\x7f'; })) {
    return "an octet that is not printable ASCII";
  }
  std::vector<std::string> keys;
  const auto parsed = Json::parse(
      line,
      [&](int depth, Json::parse_event_t event, Json& value) {
        if (depth == 1 && event == Json::parse_event_t::key) keys.push_back(value);
        return true;
      },
      false);
  if (!parsed.is_object()) return "no JSON object";
  std::size_t next = 0;  // into keys
  for (const auto& key : contract()["keys"]) {
    const std::string name = key["key"];
    const bool is_here = next < keys.size() && keys[next] == name;
    if (is_here) ++next;
    if (!is_here && key.value("always", false) && parsed.contains("event.action") &&
        is_for(key, parsed["event.action"])) {
      return name + " is missing, or stands elsewhere";
    }
    if (!is_here) continue;
    if (!parsed.contains("event.action") || !is_for(key, parsed["event.action"])) {
      return name + " is not for this action";
    }
    if (!fits(key, parsed[name])) return name + " has a value that it cannot have";
    if (key.contains("with") && !parsed.contains(key["with"])) return name + " stands alone";
    if (key.contains("without") && parsed.contains(key["without"]))
      return name + " is one too many";
  }
  if (next < keys.size()) return keys[next] + " is unknown, repeated or out of order";
  return fault_of_head(parsed);
}

}  // namespace postern::audit_contract
