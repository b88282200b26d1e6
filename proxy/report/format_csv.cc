// Reports for spreadsheets.
#include <ostream>

#include "proxy/report/formats.h"
#include "proxy/report/text.h"

namespace postern::report {

namespace {

constexpr const char* kLineEnd = "\r\n";

// Facts are rows too.
Section rows_of_facts(const Section& section) {
  Section rows{section.id, section.title};
  rows.columns = {{"fact", "fact"}, {"value", "value"}};
  for (const auto& fact : section.facts) rows.rows.push_back({fact.id, fact.value});
  return rows;
}

void write_section(std::ostream& out, const Section& section, bool is_named) {
  bool is_first = true;
  const auto put = [&](const std::string& field) {
    if (!is_first) out << ",";
    out << field;
    is_first = false;
  };
  if (is_named) put("section");
  for (const auto& column : section.columns) {
    if (column.kind != Kind::bar) put(column.id);
  }
  out << kLineEnd;
  for (const auto& row : section.rows) {
    is_first = true;
    if (is_named) put(section.id);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto kind = section.columns[i].kind;
      if (kind != Kind::bar) put(csv_field(row[i], kind));
    }
    out << kLineEnd;
  }
}

}  // namespace

void write_csv(std::ostream& out, const Report& report) {
  const bool is_named = report.sections.size() > 1;
  bool is_first = true;
  for (const auto& section : report.sections) {
    if (!is_first) out << kLineEnd;
    is_first = false;
    write_section(out, section.columns.empty() ? rows_of_facts(section) : section, is_named);
  }
}

}  // namespace postern::report
