// See exceptions.h.
#include "proxy/report/exceptions.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/policy/policy.h"

namespace postern::report {

namespace {

std::string state_of(const conf::Rule& rule, std::chrono::sys_days today) {
  if (!rule.until) return "no end";
  return today > *rule.until ? "expired" : "holds";
}

Cell text_or_nothing(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

}  // namespace

Section exceptions(Reader& reader, const conf::Settings* settings, std::chrono::sys_days today,
                   std::size_t most) {
  Section section{"exceptions", "The rules, and whether they are still used"};
  section.columns = {
      {"rule", "rule", Kind::text, 16},
      {"line", "line", Kind::count},
      {"owner", "owner", Kind::text, 12},
      {"until", "until", Kind::day},
      {"state", "state"},
      {"logins", "logins", Kind::count},
      {"cleartext_logins", "in clear", Kind::count},
      {"refused", "refused", Kind::count},
      {"last", "last use", Kind::moment},
      {"reason", "reason"},
  };
  Section used{"", ""};
  used.columns = {{"rule", ""},
                  {"logins", "", Kind::count},
                  {"cleartext_logins", "", Kind::count},
                  {"refused", "", Kind::count},
                  {"last", "", Kind::moment}};
  // As many as a settings file may hold, and what rules were called before.
  constexpr std::size_t kMostRules = 10'000;
  reader.fill(used,
              fmt::format("SELECT rule, SUM(successes), SUM(CASE security WHEN 'cleartext' THEN "
                          "successes ELSE 0 END), SUM(refused), MAX(last_seen), COUNT(*) OVER () "
                          "FROM kind WHERE rule NOT IN ('', '{}') GROUP BY rule ORDER BY rule",
                          policy::kNoRule),
              kMostRules);
  const auto use_of = [&](const std::string& name) {
    return std::find_if(used.rows.begin(), used.rows.end(),
                        [&](const auto& row) { return std::get<std::string>(row[0]) == name; });
  };
  const Cell none = std::int64_t{0};
  for (const auto& rule : settings != nullptr ? settings->rules : std::vector<conf::Rule>()) {
    const auto use = use_of(rule.name);
    const bool is_used = use != used.rows.end();
    section.rows.push_back({rule.name, std::int64_t{rule.place.line}, text_or_nothing(rule.owner),
                            rule.until ? Cell(std::chrono::sys_days(*rule.until)) : Cell(),
                            state_of(rule, today), is_used ? (*use)[1] : none,
                            is_used ? (*use)[2] : none, is_used ? (*use)[3] : none,
                            is_used ? (*use)[4] : Cell(), text_or_nothing(rule.reason)});
    if (is_used) used.rows.erase(use);
  }
  for (const auto& row : used.rows) {
    section.rows.push_back({row[0],
                            {},
                            {},
                            {},
                            settings != nullptr ? "gone" : "",
                            row[1],
                            row[2],
                            row[3],
                            row[4],
                            {}});
  }
  if (settings == nullptr) {
    section.notes.push_back("With --config FILE: all rules, their owners and their dates.");
  }
  section.total = section.rows.size();
  section.rows.resize(std::min(section.rows.size(), most));
  return section;
}

}  // namespace postern::report
