// Reports for programs.
#include <nlohmann/json.hpp>
#include <ostream>

#include "proxy/report/formats.h"
#include "proxy/report/text.h"

namespace postern::report {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Cell& cell) {
  if (const auto* const text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* const number = std::get_if<std::int64_t>(&cell)) return *number;
  if (const auto* const real = std::get_if<double>(&cell)) return *real;
  if (const auto* const flag = std::get_if<bool>(&cell)) return *flag;
  if (const auto* const day = std::get_if<std::chrono::sys_days>(&cell)) return day_text(*day);
  if (const auto* const moment = std::get_if<Moment>(&cell)) return exact_text(*moment);
  return nullptr;
}

Json json_of(const std::vector<Fact>& facts) {
  Json json = Json::object();
  for (const auto& fact : facts) json[fact.id] = json_of(fact.value);
  return json;
}

Json json_of(const std::vector<Column>& columns, const std::vector<Cell>& row) {
  Json object = Json::object();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (columns[i].kind != Kind::bar) object[columns[i].id] = json_of(row[i]);
  }
  return object;
}

Json json_of(const Section& section) {
  Json json = {{"title", section.title}, {"notes", section.notes}};
  if (section.columns.empty()) {
    json["facts"] = json_of(section.facts);
    return json;
  }
  json["total"] = section.total;
  auto& rows = json["rows"] = Json::array();
  for (const auto& row : section.rows) rows.push_back(json_of(section.columns, row));
  return json;
}

}  // namespace

void write_json(std::ostream& out, const Report& report) {
  Json json = {{"title", report.title}, {"about", json_of(report.about)}};
  auto& sections = json["sections"] = Json::object();
  for (const auto& section : report.sections) sections[section.id] = json_of(section);
  // Bytes that are no UTF-8 become U+FFFD.
  out << json.dump(2, ' ', true, Json::error_handler_t::replace) << "\n";
}

void write_json_line(std::ostream& out, const std::vector<Column>& columns,
                     const std::vector<Cell>& row) {
  out << json_of(columns, row).dump(-1, ' ', true, Json::error_handler_t::replace) << "\n";
}

}  // namespace postern::report
