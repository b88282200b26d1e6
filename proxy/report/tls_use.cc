// See tls_use.h.
#include "proxy/report/tls_use.h"

#include <fmt/format.h>

#include <charconv>

#include "proxy/audit/tls_names.h"

namespace postern::report {

std::vector<std::uint16_t> numbers_of(std::string_view json) {
  std::vector<std::uint16_t> numbers;
  if (!json.starts_with('[') || !json.ends_with(']')) return numbers;
  json.remove_prefix(1);
  json.remove_suffix(1);
  while (!json.empty()) {
    const auto comma = json.find(',');
    auto word = json.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    std::uint16_t number = 0;
    const auto* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, number);
    if (error != std::errc() || stop != end) return {};
    numbers.push_back(number);
    json = comma == std::string_view::npos ? std::string_view() : json.substr(comma + 1);
  }
  return numbers;
}

Section tls_in_use(Reader& reader, std::size_t most) {
  Section section{"tls", "TLS versions, suites and groups in use"};
  section.notes = {"Of the logins that succeeded. PCI DSS 4.0.1, requirement 12.3.3."};
  section.columns = {
      {"version", "version"},
      {"cipher", "suite"},
      {"group", "group"},
      {"logins", "logins", Kind::count},
      {"share", "share", Kind::share},
      {"users", "users", Kind::count},
      {"last", "last", Kind::moment},
  };
  reader.fill(section,
              "SELECT CASE security WHEN 'cleartext' THEN 'none' ELSE tls_version END AS version, "
              "cipher, curve, SUM(successes), SUM(successes) * 1.0 / SUM(SUM(successes)) OVER (), "
              "COUNT(DISTINCT who), MAX(last_seen), COUNT(*) OVER () FROM kind "
              "WHERE successes > 0 GROUP BY version, cipher, curve "
              "ORDER BY SUM(successes) DESC, version, cipher, curve",
              most);
  return section;
}

Section versions_in_use(Reader& reader) {
  Section section{"versions", "TLS versions in use"};
  section.columns = {
      {"version", "version"},
      {"logins", "logins", Kind::count},
      {"share", "share", Kind::share},
  };
  constexpr std::size_t kVersions = 8;  // that there could be, and none
  reader.fill(section,
              "SELECT CASE security WHEN 'cleartext' THEN 'none' ELSE tls_version END AS version, "
              "SUM(successes), SUM(successes) * 1.0 / SUM(SUM(successes)) OVER (), "
              "COUNT(*) OVER () FROM kind WHERE successes > 0 GROUP BY version "
              "ORDER BY version = 'none', version DESC",
              kVersions);
  return section;
}

Section handshake_failures(Reader& reader, std::size_t most) {
  Section section{"handshakes", "Handshakes that failed"};
  section.columns = {
      {"reason", "reason", Kind::text, 16},
      {"offered_versions", "client offered", Kind::text, 14},
      {"count", "count", Kind::count},
      {"addresses", "addresses", Kind::count},
      {"an_address", "one of them", Kind::text, 15},
      {"listeners", "listeners"},
      {"first", "first", Kind::moment},
      {"last", "last", Kind::moment},
  };
  reader.fill(
      section,
      fmt::format("SELECT reason, COALESCE(f.versions, ''), SUM(count), "
                  "COUNT(DISTINCT t.address), MIN(t.address), group_concat(DISTINCT listener), "
                  "MIN(t.first_seen), MAX(t.last_seen), COUNT(*) OVER () "
                  "FROM main.handshake_failure t LEFT JOIN main.fingerprint f ON f.ja4 = t.ja4 "
                  "WHERE {} GROUP BY reason, f.versions ORDER BY SUM(count) DESC, reason, 2",
                  reader.wanted()),
      most);
  for (auto& row : section.rows) {
    std::string names;
    for (const auto number : numbers_of(std::get<std::string>(row[1]))) {
      names += (names.empty() ? "" : ", ") + audit::version_name(number);
    }
    row[1] = names;
  }
  return section;
}

}  // namespace postern::report
