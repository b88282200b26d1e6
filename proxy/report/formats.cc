// See formats.h.
#include "proxy/report/formats.h"

namespace postern::report {

std::optional<Format> parse_format(std::string_view word) {
  if (word == "table") return Format::table;
  if (word == "csv") return Format::csv;
  if (word == "json") return Format::json;
  if (word == "html") return Format::html;
  return std::nullopt;
}

void write(std::ostream& out, const Report& report, Format format) {
  switch (format) {
    case Format::table:
      return write_table(out, report);
    case Format::csv:
      return write_csv(out, report);
    case Format::json:
      return write_json(out, report);
    case Format::html:
      return write_html(out, report);
  }
}

}  // namespace postern::report
