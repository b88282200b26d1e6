// See report.h.
#include "proxy/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "conf/prefixes.h"
#include "proxy/report/course.h"
#include "proxy/report/exceptions.h"
#include "proxy/report/tls_use.h"
#include "proxy/report/who.h"

namespace postern::report {

namespace {

std::chrono::sys_days day_of(Moment moment) {
  return std::chrono::floor<std::chrono::days>(moment);
}

// The answer before all others.
Section summary(Reader& reader, const ReportRequest& request, bool is_complete) {
  Section section{"summary", "At one glance"};
  const auto today = day_of(request.now);
  const auto last = reader.maybe_integer(
      "SELECT MAX(last_seen) FROM kind WHERE security = 'cleartext' AND successes > 0");
  Cell days_since;
  Cell last_login;
  if (last) {
    const Moment moment{std::chrono::milliseconds(*last)};
    last_login = moment;
    days_since = std::max<std::int64_t>((today - day_of(moment)).count(), 0);
  }
  const auto count = [&](const char* what, const char* where) {
    return reader.integer(fmt::format("SELECT {} FROM kind WHERE {}", what, where));
  };
  constexpr const char* kClear = "security = 'cleartext' AND successes > 0";
  section.facts = {
      {"days_since_cleartext_login", "days since the last clear-text login", Kind::count,
       days_since},
      {"last_cleartext_login", "last clear-text login", Kind::moment, last_login},
      {"cleartext_logins", "logins in clear text", Kind::count, count("TOTAL(successes)", kClear)},
      {"cleartext_users", "users who did it", Kind::count, count("COUNT(DISTINCT who)", kClear)},
      {"secrets_exposed", "logins whose password or token crossed the wire readable", Kind::count,
       count("TOTAL(exposed)", "1")},
      {"tls_logins", "logins with TLS", Kind::count,
       count("TOTAL(successes)", "security <> 'cleartext'")},
      {"old_tls_logins", "of these, with TLS 1.0 or 1.1", Kind::count,
       count("TOTAL(successes)", "tls_version IN ('1.0', '1.1')")},
      {"refused", "logins that postern refused", Kind::count, count("TOTAL(refused)", "1")},
  };
  if (request.settings != nullptr) {
    const auto& rules = request.settings->rules;
    const auto expired = std::count_if(rules.begin(), rules.end(), [today](const auto& rule) {
      return rule.until && today > *rule.until;
    });
    section.facts.push_back(
        {"rules_expired", "rules whose date is over", Kind::count, std::int64_t{expired}});
  }
  section.facts.push_back(
      {"is_complete", "nothing is known to be missing", Kind::flag, is_complete});
  return section;
}

}  // namespace

std::vector<Fact> facts_of(const Filter& filter) {
  std::vector<Fact> facts = {
      {"since", "since", Kind::day, filter.since ? Cell(*filter.since) : Cell()}};
  if (!filter.listener.empty()) {
    facts.push_back({"listener", "listener", Kind::text, filter.listener});
  }
  if (filter.network) {
    facts.push_back({"network", "network", Kind::text, conf::prefix_text(*filter.network)});
  }
  if (!filter.user.empty()) facts.push_back({"user", "user", Kind::text, filter.user});
  return facts;
}

Report make_report(Reader& reader, const ReportRequest& request) {
  Report report;
  report.title = "Login audit";
  report.about = {{"inventory", "inventory", Kind::text, request.inventory},
                  {"generated", "generated", Kind::moment, request.now}};
  for (auto& fact : facts_of(request.filter)) report.about.push_back(std::move(fact));
  const auto most = request.most_rows;
  const auto today = day_of(request.now);
  auto rules = exceptions(reader, request.settings, today, most);
  auto complete = completeness(reader, request.filter);
  auto& all = report.sections;
  all.push_back(summary(reader, request, std::get<bool>(complete.facts[0].value)));
  all.push_back(cleartext_users(reader, most));
  all.push_back(users_of_both(reader, most));
  all.push_back(cleartext_networks(reader, most));
  all.push_back(cleartext_devices(reader, most));
  all.push_back(programs(reader, most));
  all.push_back(trend(reader, request.filter, today, request.most_days));
  all.push_back(versions_in_use(reader));
  all.push_back(tls_in_use(reader, most));
  all.push_back(std::move(rules));
  all.push_back(handshake_failures(reader, most));
  all.push_back(abandoned_sessions(reader, most));
  all.push_back(std::move(complete));
  all.push_back(gaps(reader, request.filter, most));
  if (!request.filter.user.empty()) {
    for (auto& section : all) {
      if (section.id != "handshakes" && section.id != "abandoned") continue;
      section.notes.push_back("Not by user: no name is known at this point.");
    }
  }
  return report;
}

}  // namespace postern::report
