// See who.h.
#include "proxy/report/who.h"

#include <fmt/format.h>

namespace postern::report {

namespace {

// A device is an address and a program.
constexpr std::string_view kDevices = "COUNT(DISTINCT address || ' ' || software)";
constexpr std::string_view kInClear = "security = 'cleartext'";
constexpr std::string_view kCounts = "SUM(successes) + SUM(refused) > 0";
constexpr std::string_view kOrder = "SUM(successes) DESC, SUM(refused) DESC, MAX(last_seen) DESC";

}  // namespace

Section cleartext_users(Reader& reader, std::size_t most) {
  Section section{"cleartext", "Who still logs in in clear text"};
  section.columns = {
      {"user", "user", Kind::text, 12},
      {"user_is_hash", "", Kind::flag},
      {"logins", "logins", Kind::count},
      {"warned", "warned", Kind::count},
      {"refused", "refused", Kind::count},
      {"failed", "failed", Kind::count},
      {"secrets_exposed", "exposed", Kind::count},
      {"first", "first", Kind::moment},
      {"last", "last", Kind::moment},
      {"listeners", "listeners"},
  };
  reader.fill(section,
              fmt::format("SELECT who, user_is_hash, SUM(successes), SUM(warned), SUM(refused), "
                          "SUM(failures), SUM(exposed), MIN(first_seen), MAX(last_seen), "
                          "group_concat(DISTINCT listener), COUNT(*) OVER () FROM kind WHERE {} "
                          "GROUP BY who, user_is_hash HAVING {} ORDER BY {}, who",
                          kInClear, kCounts, kOrder),
              most);
  const auto failed = reader.integer(fmt::format(
      "SELECT COUNT(*) FROM (SELECT 1 FROM kind WHERE {} GROUP BY who, user_is_hash HAVING NOT {})",
      kInClear, kCounts));
  if (failed > 0) {
    section.notes.push_back(
        fmt::format("Beside these, {} name{} only ever failed in clear text; of failed logins only "
                    "a hash of the name is kept.",
                    failed, failed == 1 ? "" : "s"));
  }
  return section;
}

Section users_of_both(Reader& reader, std::size_t most) {
  Section section{"both", "Who does both: the device that was forgotten"};
  section.columns = {
      {"user", "user", Kind::text, 12},
      {"user_is_hash", "", Kind::flag},
      {"address", "in clear from", Kind::text, 18},
      {"software", "with"},
      {"cleartext_logins", "in clear", Kind::count},
      {"cleartext_last", "last in clear", Kind::moment},
      {"tls_logins", "with TLS", Kind::count},
      {"tls_last", "last with TLS", Kind::moment},
  };
  reader.fill(
      section,
      fmt::format(
          "WITH safe AS (SELECT who, user_is_hash, SUM(successes) AS logins, "
          "MAX(last_seen) AS last FROM kind WHERE NOT {0} AND successes > 0 AND "
          "who NOT IN ('', '*') GROUP BY who, user_is_hash) "
          "SELECT k.who, k.user_is_hash, address, software, SUM(successes), "
          "MAX(last_seen), safe.logins, safe.last, COUNT(*) OVER () "
          "FROM kind k JOIN safe ON safe.who = k.who AND safe.user_is_hash = k.user_is_hash "
          "WHERE {0} AND successes > 0 GROUP BY k.who, k.user_is_hash, address, software "
          "ORDER BY SUM(successes) DESC, MAX(last_seen) DESC, k.who, address, software",
          kInClear),
      most);
  return section;
}

Section cleartext_networks(Reader& reader, std::size_t most) {
  Section section{"networks", "Clear text: from which networks"};
  section.columns = {
      {"network", "network"},
      {"users", "users", Kind::count},
      {"devices", "devices", Kind::count},
      {"logins", "logins", Kind::count},
      {"refused", "refused", Kind::count},
      {"secrets_exposed", "exposed", Kind::count},
      {"first", "first", Kind::moment},
      {"last", "last", Kind::moment},
  };
  reader.fill(section,
              fmt::format("SELECT network, COUNT(DISTINCT who), {}, SUM(successes), SUM(refused), "
                          "SUM(exposed), MIN(first_seen), MAX(last_seen), COUNT(*) OVER () "
                          "FROM kind WHERE {} GROUP BY network HAVING {} ORDER BY {}, network",
                          kDevices, kInClear, kCounts, kOrder),
              most);
  return section;
}

Section cleartext_devices(Reader& reader, std::size_t most) {
  Section section{"devices", "Clear text: which devices"};
  section.columns = {
      {"address", "address", Kind::text, 18},
      {"software", "program"},
      {"software_source", "", Kind::text},
      {"users", "users", Kind::count},
      {"a_user", "one of them"},
      {"logins", "logins", Kind::count},
      {"refused", "refused", Kind::count},
      {"secrets_exposed", "exposed", Kind::count},
      {"last", "last", Kind::moment},
  };
  reader.fill(
      section,
      fmt::format("SELECT address, software, MIN(software_source), COUNT(DISTINCT who), MIN(who), "
                  "SUM(successes), SUM(refused), SUM(exposed), MAX(last_seen), COUNT(*) OVER () "
                  "FROM kind WHERE {} AND successes + refused > 0 GROUP BY address, software "
                  "ORDER BY {}, address, software",
                  kInClear, kOrder),
      most);
  section.notes.push_back(
      "A device is an address and a program; programs name themselves, or are told by the order of "
      "their commands.");
  return section;
}

Section programs(Reader& reader, std::size_t most) {
  Section section{"programs", "Clear text: with which programs"};
  section.columns = {
      {"software", "program"},
      {"software_source", "known from"},
      {"users", "users", Kind::count},
      {"addresses", "addresses", Kind::count},
      {"cleartext_logins", "in clear", Kind::count},
      {"cleartext_refused", "refused", Kind::count},
      {"tls_logins", "with TLS", Kind::count},
      {"cleartext_last", "last in clear", Kind::moment},
  };
  reader.fill(
      section,
      fmt::format(
          "SELECT software, software_source, COUNT(DISTINCT CASE WHEN {0} THEN who END), "
          "COUNT(DISTINCT CASE WHEN {0} THEN address END), "
          "SUM(CASE WHEN {0} THEN successes ELSE 0 END) AS clear, "
          "SUM(CASE WHEN {0} THEN refused ELSE 0 END) AS gone, "
          "SUM(CASE WHEN {0} THEN 0 ELSE successes END), MAX(CASE WHEN {0} THEN last_seen END), "
          "COUNT(*) OVER () FROM kind WHERE successes + refused > 0 "
          "GROUP BY software, software_source HAVING clear + gone > 0 "
          "ORDER BY clear DESC, gone DESC, software",
          kInClear),
      most);
  return section;
}

}  // namespace postern::report
