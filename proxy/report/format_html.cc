// Reports as a page to print. Nothing in it is fetched, and nothing runs.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "proxy/report/formats.h"
#include "proxy/report/plot.h"
#include "proxy/report/text.h"

namespace postern::report {

namespace {

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>)";

constexpr const char* kStyle = R"(</title>
<style>
body { font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #1c2430; background: #fff;
  max-width: 1080px; margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.7em; margin: 0 0 .2em; }
h2 { font-size: 1.15em; margin: 2.2em 0 .3em; border-bottom: 2px solid #d5dbe3; padding-bottom: .2em; }
p.about, p.note { color: #56616f; margin: .2em 0 .6em; }
p.more, p.none { color: #56616f; font-style: italic; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93em; }
th { text-align: left; font-weight: 600; color: #56616f; border-bottom: 1px solid #aab4c0; }
th, td { padding: .28em 1.3em .28em 0; vertical-align: top; }
td { border-bottom: 1px solid #e8ecf1; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.time, th.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: .7em; margin: .8em 0; }
dl div { border: 1px solid #d5dbe3; border-radius: 6px; padding: .5em .8em; display: flex;
  flex-direction: column-reverse; justify-content: flex-end; }
dt { color: #56616f; font-size: .86em; }
dd { margin: 0; font-size: 1.35em; font-weight: 600; font-variant-numeric: tabular-nums; }
svg.plot { width: 100%; max-width: 900px; height: auto; display: block; margin: .6em 0; }
svg text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: #56616f; }
svg .axis { stroke: #aab4c0; }
svg .clear { fill: #c2410c; } svg .tls { fill: #2f6f9f; } svg .old { fill: #d9a21b; }
p.key span { display: inline-block; width: .9em; height: .9em; vertical-align: -.1em; margin-left: 1em; }
p.key span.clear { background: #c2410c; margin-left: 0; } p.key span.tls { background: #2f6f9f; }
@media print {
  body { max-width: none; margin: 0; padding: 0; font-size: 10px; }
  h2 { break-after: avoid; } tr, svg, dl div { break-inside: avoid; } thead { display: table-header-group; }
  svg, p.key span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { size: A4 landscape; margin: 14mm; }
}
</style>
</head>
<body>
)";

std::string shown(const Cell& cell, Kind kind) { return html_text(people_text(cell, kind)); }

const char* class_of(Kind kind) {
  switch (kind) {
    case Kind::count:
    case Kind::share:
      return " class=\"number\"";
    case Kind::day:
    case Kind::moment:
      return " class=\"time\"";
    default:
      return "";
  }
}

bool is_shown(const Column& column) { return !column.heading.empty() && column.kind != Kind::bar; }

void write_rows(std::ostream& out, const Section& section) {
  if (section.rows.empty()) {
    out << "<p class=\"none\">none</p>\n";
    return;
  }
  out << "<div class=\"wide\"><table>\n<thead><tr>";
  for (const auto& column : section.columns) {
    if (is_shown(column)) {
      out << "<th" << class_of(column.kind) << ">" << html_text(column.heading) << "</th>";
    }
  }
  out << "</tr></thead>\n<tbody>\n";
  for (const auto& row : section.rows) {
    out << "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto& column = section.columns[i];
      if (!is_shown(column)) continue;
      out << "<td" << class_of(column.kind) << ">" << shown(row[i], column.kind) << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</tbody>\n</table></div>\n";
  if (section.total > section.rows.size()) {
    out << fmt::format("<p class=\"more\">… and {} more (--all)</p>\n",
                       section.total - section.rows.size());
  }
}

void write_facts(std::ostream& out, const Section& section) {
  out << "<dl>\n";
  for (const auto& fact : section.facts) {
    out << "<div><dt>" << html_text(fact.label) << "</dt><dd>" << shown(fact.value, fact.kind)
        << "</dd></div>\n";
  }
  out << "</dl>\n";
}

void write_section(std::ostream& out, const Section& section) {
  out << "<section id=\"" << html_text(section.id) << "\">\n<h2>" << html_text(section.title)
      << "</h2>\n";
  for (const auto& note : section.notes) {
    out << "<p class=\"note\">" << html_text(harmless(note, 4096)) << "</p>\n";
  }
  if (section.columns.empty()) {
    write_facts(out, section);
  } else if (section.id == "trend" && !section.rows.empty()) {
    out << trend_plot(section);
  } else if (section.id == "versions" && !section.rows.empty()) {
    out << versions_plot(section);
  } else {
    write_rows(out, section);
  }
  out << "</section>\n";
}

}  // namespace

void write_html(std::ostream& out, const Report& report) {
  out << kHead << html_text(report.title) << kStyle << "<h1>" << html_text(report.title)
      << "</h1>\n<p class=\"about\">";
  bool is_first = true;
  for (const auto& fact : report.about) {
    out << (is_first ? "" : " · ") << html_text(fact.label) << " " << shown(fact.value, fact.kind);
    is_first = false;
  }
  out << "</p>\n";
  for (const auto& section : report.sections) write_section(out, section);
  out << "</body>\n</html>\n";
}

}  // namespace postern::report
