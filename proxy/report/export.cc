// See export.h.
#include "proxy/report/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "proxy/report/text.h"

namespace postern::report {

namespace {

enum class Filtered { by_login, by_client, not_at_all };

struct Table {
  std::string name;
  std::vector<Column> columns;
  Filtered filtered;
};

// As in the schema.
const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"login",
       {{"day", "", Kind::day},
        {"user", ""},
        {"user_is_hash", "", Kind::flag},
        {"listener", ""},
        {"address", ""},
        {"software", ""},
        {"software_source", ""},
        {"protocol", ""},
        {"security", ""},
        {"tls_version", ""},
        {"cipher", ""},
        {"curve", ""},
        {"ja4", ""},
        {"mechanism", ""},
        {"rule", ""},
        {"successes", "", Kind::count},
        {"failures", "", Kind::count},
        {"refused", "", Kind::count},
        {"warned", "", Kind::count},
        {"exposed", "", Kind::count},
        {"first_seen", "", Kind::moment},
        {"last_seen", "", Kind::moment}},
       Filtered::by_login},
      {"fingerprint",
       {{"ja4", ""},
        {"versions", ""},
        {"ciphers", ""},
        {"curves", ""},
        {"signature_algorithms", ""},
        {"first_seen", "", Kind::moment},
        {"last_seen", "", Kind::moment}},
       Filtered::not_at_all},
      {"handshake_failure",
       {{"day", "", Kind::day},
        {"listener", ""},
        {"address", ""},
        {"reason", ""},
        {"ja4", ""},
        {"count", "", Kind::count},
        {"first_seen", "", Kind::moment},
        {"last_seen", "", Kind::moment}},
       Filtered::by_client},
      {"abandoned",
       {{"day", "", Kind::day},
        {"listener", ""},
        {"address", ""},
        {"security", ""},
        {"last_command", ""},
        {"reason", ""},
        {"count", "", Kind::count},
        {"first_seen", "", Kind::moment},
        {"last_seen", "", Kind::moment}},
       Filtered::by_client},
      {"gap",
       {{"time", "", Kind::moment}, {"node", ""}, {"reason", ""}, {"lost", "", Kind::count}},
       Filtered::not_at_all},
      {"run",
       {{"node", ""}, {"started", "", Kind::moment}, {"stopped", "", Kind::moment}},
       Filtered::not_at_all},
  };
  return all;
}

std::string query_of(const Table& table, const Reader& reader) {
  std::string columns;
  for (const auto& column : table.columns) {
    if (!columns.empty()) columns += ", ";
    // 0 in `stopped` is no time.
    columns += column.id == "stopped" ? "NULLIF(stopped, 0)" : "t." + column.id;
  }
  const auto& where = table.filtered == Filtered::by_login    ? reader.wanted_logins()
                      : table.filtered == Filtered::by_client ? reader.wanted()
                                                              : std::string("1");
  return fmt::format("SELECT {} FROM main.{} t WHERE {}", columns, table.name, where);
}

void write_csv_row(std::ostream& out, const std::vector<Column>& columns,
                   const std::vector<Cell>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    out << (i == 0 ? "" : ",") << csv_field(row[i], columns[i].kind);
  }
  out << "\r\n";
}

}  // namespace

bool is_table(std::string_view name) {
  return std::any_of(tables().begin(), tables().end(),
                     [&](const auto& table) { return table.name == name; });
}

std::string table_names() {
  std::string names;
  for (const auto& table : tables()) names += (names.empty() ? "" : ", ") + table.name;
  return names;
}

void export_table(Reader& reader, std::string_view name, Format format, std::ostream& out) {
  const auto table = std::find_if(tables().begin(), tables().end(),
                                  [&](const auto& candidate) { return candidate.name == name; });
  if (table == tables().end()) return;
  if (format == Format::csv) {
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      out << (i == 0 ? "" : ",") << table->columns[i].id;
    }
    out << "\r\n";
  }
  reader.each(table->columns, query_of(*table, reader), [&](const std::vector<Cell>& row) {
    if (format == Format::csv) {
      write_csv_row(out, table->columns, row);
    } else {
      write_json_line(out, table->columns, row);
    }
    return static_cast<bool>(out);
  });
}

}  // namespace postern::report
