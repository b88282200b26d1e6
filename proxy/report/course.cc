// See course.h.
#include "proxy/report/course.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace postern::report {

namespace {

// A run after which its node started again without having stopped.
constexpr std::string_view kUncleanStops =
    "main.run r WHERE stopped = 0 AND EXISTS (SELECT 1 FROM main.run later "
    "WHERE later.node = r.node AND later.started > r.started)";

// Such a stop is also told as a gap, by the run after it; the run that broke off has its time.
constexpr std::string_view kOwnGaps = "reason <> 'unclean_stop'";

std::int64_t milliseconds_of(std::chrono::sys_days day) {
  return Moment(day).time_since_epoch().count();
}

std::string since(std::string_view column, const Filter& filter) {
  if (!filter.since) return "1";
  return fmt::format("{} >= {}", column, milliseconds_of(*filter.since));
}

}  // namespace

Section trend(Reader& reader, const Filter& filter, std::chrono::sys_days today, std::size_t most) {
  Section section{"trend", "Day by day"};
  section.columns = {
      {"day", "day", Kind::day},
      {"cleartext_logins", "in clear", Kind::count},
      {"tls_logins", "with TLS", Kind::count},
      {"refused", "refused", Kind::count},
      {"failed", "failed", Kind::count},
      {"bar", "# in clear, . with TLS", Kind::bar},
  };
  Section known = section;
  reader.fill(known,
              fmt::format("SELECT day, SUM(CASE security WHEN 'cleartext' THEN successes ELSE 0 "
                          "END), SUM(CASE security WHEN 'cleartext' THEN 0 ELSE successes END), "
                          "SUM(refused), SUM(failures), COUNT(*) OVER () FROM main.login t "
                          "WHERE {} AND day <= {} GROUP BY day ORDER BY day DESC",
                          reader.wanted_logins(), today.time_since_epoch().count()),
              most);
  if (known.rows.empty()) return section;
  std::map<std::chrono::sys_days, std::vector<Cell>> by_day;
  for (auto& row : known.rows) by_day.emplace(std::get<std::chrono::sys_days>(row[0]), row);
  const auto first_known = reader.maybe_integer("SELECT MIN(day) FROM main.login");
  auto first = std::chrono::sys_days(std::chrono::days(first_known.value_or(0)));
  if (filter.since) first = std::max(first, *filter.since);
  // What a clock that was ahead has written does not push the real days out of sight.
  const auto last = today;
  section.total = static_cast<std::size_t>((last - first).count() + 1);
  const auto shown = std::min(section.total, most);
  for (auto day = last - std::chrono::days(shown - 1); day <= last; day += std::chrono::days(1)) {
    const auto found = by_day.find(day);
    if (found != by_day.end()) {
      section.rows.push_back(std::move(found->second));
    } else {
      const Cell none = std::int64_t{0};
      section.rows.push_back({day, none, none, none, none, {}});
    }
  }
  return section;
}

Section abandoned_sessions(Reader& reader, std::size_t most) {
  Section section{"abandoned", "Sessions given up before a login"};
  section.notes = {
      "Once clear text is refused, this is how breakage looks: good clients do not try."};
  section.columns = {
      {"listener", "listener"},         {"security", "security"},
      {"last_command", "last command"}, {"reason", "reason"},
      {"count", "count", Kind::count},  {"addresses", "addresses", Kind::count},
      {"an_address", "one of them"},    {"last", "last", Kind::moment},
  };
  reader.fill(section,
              fmt::format("SELECT listener, security, last_command, reason, SUM(count), "
                          "COUNT(DISTINCT address), MIN(address), MAX(last_seen), "
                          "COUNT(*) OVER () FROM main.abandoned t WHERE {} "
                          "GROUP BY listener, security, last_command, reason "
                          "ORDER BY SUM(count) DESC, listener, security, last_command, reason",
                          reader.wanted()),
              most);
  return section;
}

Section completeness(Reader& reader, const Filter& filter) {
  Section section{"completeness", "Is it complete"};
  const auto day = [&](const char* sql) -> Cell {
    const auto value = reader.maybe_integer(sql);
    if (!value) return {};
    return std::chrono::sys_days(std::chrono::days(*value));
  };
  const auto count = [&](const std::string& sql) { return reader.integer(sql); };
  const auto unclean =
      count(fmt::format("SELECT COUNT(*) FROM {} AND {}", kUncleanStops, since("started", filter)));
  const auto gap_count = count(fmt::format("SELECT COUNT(*) FROM main.gap WHERE {} AND {}",
                                           kOwnGaps, since("time", filter)));
  const auto overflow = count(
      "SELECT TOTAL(successes + failures + refused) FROM kind WHERE user = '*' AND address = "
      "'*'");
  section.facts = {
      {"is_complete", "nothing is known to be missing", Kind::flag,
       unclean == 0 && gap_count == 0 && overflow == 0},
      {"first_day", "first day of the inventory", Kind::day,
       day("SELECT MIN(day) FROM main.login")},
      {"last_day", "last day of the inventory", Kind::day, day("SELECT MAX(day) FROM main.login")},
      {"runs", "runs of postern", Kind::count,
       count(fmt::format("SELECT COUNT(*) FROM main.run WHERE {}", since("started", filter)))},
      {"unclean_stops", "of these, ended without a last word", Kind::count, unclean},
      {"gaps", "gaps", Kind::count, gap_count},
      {"events_lost", "events known to be lost", Kind::count,
       count(fmt::format("SELECT TOTAL(lost) FROM main.gap WHERE {}", since("time", filter)))},
      {"logins_without_details", "logins counted without details (too many kinds on a day)",
       Kind::count, overflow},
  };
  if (reader.integer(
          "SELECT COUNT(*) FROM main.run r WHERE stopped = 0 AND NOT EXISTS (SELECT 1 FROM "
          "main.run later WHERE later.node = r.node AND later.started > r.started)") > 0) {
    section.notes.push_back(
        "The last run has not stopped: it goes on, or it was killed and nobody has started it "
        "since.");
  }
  return section;
}

Section gaps(Reader& reader, const Filter& filter, std::size_t most) {
  Section section{"gaps", "What is missing"};
  section.notes = {
      "unclean_stop: a run that began then and ended without a last word; what its queue held is "
      "missing."};
  section.columns = {
      {"time", "when", Kind::moment},
      {"node", "node"},
      {"reason", "reason"},
      {"lost", "events lost", Kind::count},
  };
  reader.fill(section,
              fmt::format("SELECT time, node, reason, NULLIF(lost, 0), COUNT(*) OVER () FROM ("
                          "SELECT time, node, reason, lost FROM main.gap WHERE {} AND {} "
                          "UNION ALL SELECT started, node, 'unclean_stop', 0 FROM {} AND {}) "
                          "ORDER BY time DESC",
                          kOwnGaps, since("time", filter), kUncleanStops, since("started", filter)),
              most);
  return section;
}

}  // namespace postern::report
