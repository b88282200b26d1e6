// A report as text of one of four kinds. Each makes what clients typed harmless.
#pragma once

#include <iosfwd>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/report/section.h"

namespace postern::report {

enum class Format { table, csv, json, html };

// From the command line's word.
std::optional<Format> parse_format(std::string_view word);

// For a terminal of 100 columns.
void write_table(std::ostream& out, const Report& report);

// RFC 4180. Each section begins with a line of its headings, and an empty line stands between two;
// the first field of every line names the section. With one section: without that field. Facts are
// rows of `fact` and `value`.
void write_csv(std::ostream& out, const Report& report);

// One object: `about`, and `sections` by their ids, each with `facts` or `rows` and `total`. Keys are
// the ids of columns and facts, and do not change; what is not known is null. ASCII.
void write_json(std::ostream& out, const Report& report);

// One row as an object on a line of its own.
void write_json_line(std::ostream& out, const std::vector<Column>& columns,
                     const std::vector<Cell>& row);

// One file: no script, nothing from elsewhere, plots as inline SVG, a style for paper.
void write_html(std::ostream& out, const Report& report);

void write(std::ostream& out, const Report& report, Format format);

}  // namespace postern::report
