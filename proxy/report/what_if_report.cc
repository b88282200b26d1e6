// What what-if found, as sections. See what_if.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "proxy/audit/tls_names.h"
#include "proxy/report/key_name.h"
#include "proxy/report/report.h"
#include "proxy/report/what_if.h"

namespace postern::report {

namespace {

using Rows = std::vector<WhatIfRow>;

// The file's name and line, or what stands for it where no line says so.
std::string place_text(const conf::Settings& settings, const Judgement& judgement) {
  if (judgement.place.line > 0) {
    const auto slash = settings.file.rfind('/');
    const auto name = slash == std::string::npos ? settings.file : settings.file.substr(slash + 1);
    return fmt::format("{}:{}", name, judgement.place.line);
  }
  if (judgement.reason == "suites") return "--suites";
  return judgement.outcome == Outcome::gone ? "no listener" : "a default";
}

std::string who(const SeenLogin& login) {
  return login.user_is_hash ? "hash:" + login.user : login.user;
}

// In words that fit a column: "cleartext", "TLS 1.0".
std::string how(const SeenLogin& login) {
  return login.security == "cleartext" ? login.security : "TLS " + login.tls_version;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

bool is_stopped(Outcome outcome) {
  return outcome == Outcome::refused || outcome == Outcome::in_part || outcome == Outcome::gone;
}

std::int64_t kinds(const Rows& rows, Outcome outcome) {
  return std::count_if(rows.begin(), rows.end(),
                       [&](const auto& row) { return row.judgement.outcome == outcome; });
}

Section summary(const Rows& rows) {
  Section section{"summary", "At one glance"};
  std::set<std::string> users;
  std::set<std::string> lost_users;
  std::int64_t logins = 0;
  std::int64_t lost_logins = 0;
  std::int64_t better = 0;
  std::int64_t unsure = 0;
  for (const auto& [login, judgement, has_shown_better] : rows) {
    const bool is_real = login.successes + login.refused > 0 && !login.user.empty();
    logins += login.successes;
    if (is_real) users.insert(who(login));
    if (!judgement.reservations.empty()) ++unsure;
    if (!is_stopped(judgement.outcome)) continue;
    lost_logins += login.successes;
    if (is_real) lost_users.insert(who(login));
    if (has_shown_better) ++better;
  }
  section.facts = {
      {"users", "users seen", Kind::count, static_cast<std::int64_t>(users.size())},
      {"users_refused", "of these, refused somewhere", Kind::count,
       static_cast<std::int64_t>(lost_users.size())},
      {"logins", "logins that succeeded", Kind::count, logins},
      {"logins_refused", "of these, would be refused", Kind::count, lost_logins},
      {"kinds", "kinds of login", Kind::count, static_cast<std::int64_t>(rows.size())},
      {"refuse", "refused", Kind::count, kinds(rows, Outcome::refused)},
      {"in_part", "refused in part (refuse_share)", Kind::count, kinds(rows, Outcome::in_part)},
      {"gone", "at a listener that is gone", Kind::count, kinds(rows, Outcome::gone)},
      {"warn", "let in, with a warning", Kind::count, kinds(rows, Outcome::warned)},
      {"allow", "let in", Kind::count, kinds(rows, Outcome::allowed)},
      {"unknown", "not to be told", Kind::count, kinds(rows, Outcome::unknown)},
      {"have_shown_better", "refused, but have shown that they can do better", Kind::count, better},
      {"with_reservations", "judged with a reservation", Kind::count, unsure},
  };
  return section;
}

Section keys(const Rows& rows, const conf::Settings& settings, std::size_t most) {
  Section section{"keys", "What refuses them"};
  section.columns = {
      {"by", "by"},
      {"key", "key"},
      {"reason", "reason"},
      {"kinds", "kinds", Kind::count},
      {"users", "users", Kind::count},
      {"logins", "logins", Kind::count},
  };
  struct Sum {
    std::int64_t kinds = 0;
    std::int64_t logins = 0;
    std::set<std::string> users;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Sum> sums;
  for (const auto& [login, judgement, better] : rows) {
    if (!is_stopped(judgement.outcome)) continue;
    auto& sum = sums[{place_text(settings, judgement), key_at(settings, judgement.place),
                      judgement.reason}];
    ++sum.kinds;
    sum.logins += login.successes;
    sum.users.insert(who(login));
  }
  for (const auto& [key, sum] : sums) {
    section.rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), sum.kinds,
                            static_cast<std::int64_t>(sum.users.size()), sum.logins});
  }
  std::stable_sort(section.rows.begin(), section.rows.end(), [](const auto& a, const auto& b) {
    return std::get<std::int64_t>(a[5]) > std::get<std::int64_t>(b[5]);
  });
  section.total = section.rows.size();
  section.rows.resize(std::min(section.rows.size(), most));
  return section;
}

// What the clients' own offers say: what a higher min_version would break.
Section abilities(const Rows& rows) {
  Section section{"abilities", "The best TLS that each client has offered"};
  section.columns = {
      {"best_version", "at best"},       {"negotiated", "so far"},
      {"kinds", "kinds", Kind::count},   {"users", "users", Kind::count},
      {"logins", "logins", Kind::count}, {"refused", "of these refused", Kind::count},
  };
  struct Sum {
    std::int64_t kinds = 0;
    std::int64_t logins = 0;
    std::int64_t refused = 0;
    std::set<std::string> users;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  for (const auto& [login, judgement, better] : rows) {
    if (login.security == "cleartext" || login.tls_version.empty()) continue;
    auto& sum = sums[{best_version(login), login.tls_version}];
    ++sum.kinds;
    sum.logins += login.successes;
    if (is_stopped(judgement.outcome)) sum.refused += login.successes;
    sum.users.insert(who(login));
  }
  for (const auto& [key, sum] : sums) {
    section.rows.push_back({key.first, key.second, sum.kinds,
                            static_cast<std::int64_t>(sum.users.size()), sum.logins, sum.refused});
  }
  section.total = section.rows.size();
  return section;
}

Section logins(const Rows& rows, const conf::Settings& settings, std::size_t most) {
  Section section{"logins", "Each kind of login, the refused ones first"};
  section.columns = {
      {"verdict", "verdict"},
      {"user", "user", Kind::text, 12},
      {"user_is_hash", "", Kind::flag},
      {"address", "address", Kind::text, 18},
      {"software", "program"},
      {"listener", "listener"},
      {"security", "", Kind::text},
      {"tls_version", "", Kind::text},
      {"how", "how", Kind::text, 9},
      {"mechanism", "", Kind::text},
      {"logins", "logins", Kind::count},
      {"failed", "", Kind::count},
      {"refused_so_far", "", Kind::count},
      {"last", "", Kind::moment},
      {"by", "by", Kind::text, 12},
      {"line", "", Kind::count},
      {"key", "", Kind::text},
      {"rule", "", Kind::text},
      {"reason", "", Kind::text},
      {"share", "", Kind::share},
      {"next_tls_version", "", Kind::text},
      {"has_shown_better", "better", Kind::flag},
      {"reservations", "", Kind::text},
  };
  section.total = rows.size();
  for (const auto& [login, judgement, better] : rows) {
    if (section.rows.size() == most) break;
    const bool is_part = judgement.outcome == Outcome::in_part;
    const bool is_let_in = !is_stopped(judgement.outcome);
    section.rows.push_back({
        std::string(name_of(judgement.outcome)),
        who(login),
        login.user_is_hash,
        login.address,
        login.software,
        login.listener,
        login.security,
        login.tls_version,
        how(login),
        login.mechanism,
        login.successes,
        login.failures,
        login.refused,
        login.last,
        is_let_in && judgement.place.line == 0 ? Cell() : Cell(place_text(settings, judgement)),
        judgement.place.line > 0 ? Cell(std::int64_t{judgement.place.line}) : Cell(),
        key_at(settings, judgement.place),
        judgement.rule,
        judgement.reason,
        is_part ? Cell(static_cast<double>(judgement.share.value) / conf::Share::kAll) : Cell(),
        judgement.tls_version,
        is_let_in ? Cell() : Cell(better),
        joined(judgement.reservations),
    });
  }
  return section;
}

Section reservations(const Rows& rows, std::size_t most) {
  Section section{"reservations", "What could not be judged wholly"};
  section.columns = {{"reservation", "why"}, {"kinds", "kinds", Kind::count}};
  std::map<std::string, std::int64_t> counts;
  for (const auto& row : rows) {
    for (const auto& text : row.judgement.reservations) ++counts[text];
    if (row.judgement.reason == "no_details") ++counts["counted without details on a busy day"];
  }
  for (const auto& [text, count] : counts) section.rows.push_back({text, count});
  section.total = section.rows.size();
  section.rows.resize(std::min(section.rows.size(), most));
  return section;
}

}  // namespace

Report what_if_report(Reader& reader, const WhatIfRequest& request, const Filter& filter,
                      const std::string& inventory, std::size_t most_rows) {
  const auto rows = ask_what_if(reader, request);
  Report report;
  report.title = "What if";
  report.about = {{"settings", "settings", Kind::text, request.next->file},
                  {"at", "at", Kind::moment, Moment(request.at)},
                  {"inventory", "inventory", Kind::text, inventory}};
  for (auto& fact : facts_of(filter)) report.about.push_back(std::move(fact));
  std::string suites;
  for (const auto suite : request.suites) {
    suites += (suites.empty() ? "" : ", ") + audit::cipher_name(suite);
  }
  if (!suites.empty()) report.about.push_back({"suites", "suites", Kind::text, suites});
  report.sections.push_back(summary(rows));
  report.sections.push_back(keys(rows, *request.next, most_rows));
  report.sections.push_back(abilities(rows));
  report.sections.push_back(logins(rows, *request.next, most_rows));
  report.sections.push_back(reservations(rows, most_rows));
  return report;
}

}  // namespace postern::report
