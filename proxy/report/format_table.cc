// Reports for a terminal: aligned, numbers to the right, at most 100 columns wide.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "proxy/report/formats.h"
#include "proxy/report/text.h"

namespace postern::report {

namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kGap = 2;
constexpr std::size_t kBar = 40;

bool is_number(Kind kind) { return kind == Kind::count || kind == Kind::share; }

// The counts of a day's row, clear first, as `##....` against the greatest of all rows.
std::string bar_text(const std::vector<Cell>& row, std::int64_t greatest) {
  const auto clear = std::get<std::int64_t>(row[1]);
  const auto tls = std::get<std::int64_t>(row[2]);
  if (greatest <= 0) return "";
  const auto scaled = [&](std::int64_t count) {
    const auto exact = static_cast<double>(count) * kBar / static_cast<double>(greatest);
    // What is there is seen.
    return count > 0 ? std::max<std::size_t>(static_cast<std::size_t>(exact), 1) : 0;
  };
  return std::string(scaled(clear), '#') + std::string(scaled(tls), '.');
}

std::int64_t greatest_day(const Section& section) {
  std::int64_t greatest = 0;
  for (const auto& row : section.rows) {
    greatest = std::max(greatest, std::get<std::int64_t>(row[1]) + std::get<std::int64_t>(row[2]));
  }
  return greatest;
}

struct Grid {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> widths;
};

// The times as days where `with_days`.
Grid grid_of(const Section& section, bool with_days) {
  Grid grid;
  grid.rows.resize(section.rows.size());
  const bool has_bar = !section.columns.empty() && section.columns.back().kind == Kind::bar;
  const auto greatest = has_bar ? greatest_day(section) : 0;
  const auto text_of = [&](const Column& column, const std::vector<Cell>& row, const Cell& cell) {
    if (column.kind == Kind::bar) return bar_text(row, greatest);
    const auto* const moment = std::get_if<Moment>(&cell);
    if (moment != nullptr && with_days) {
      return day_text(std::chrono::floor<std::chrono::days>(*moment));
    }
    return people_text(cell, column.kind);
  };
  for (std::size_t i = 0; i < section.columns.size(); ++i) {
    const auto& column = section.columns[i];
    if (column.heading.empty()) continue;
    auto width = width_of(column.heading);
    for (std::size_t j = 0; j < section.rows.size(); ++j) {
      auto text = text_of(column, section.rows[j], section.rows[j][i]);
      width = std::max(width, width_of(text));
      grid.rows[j].push_back(std::move(text));
    }
    grid.columns.push_back(column);
    grid.widths.push_back(width);
  }
  return grid;
}

std::size_t width_of_line(const Grid& grid) {
  std::size_t sum = 0;
  for (const auto width : grid.widths) sum += width + kGap;
  return sum == 0 ? 0 : sum - kGap;
}

// Takes from the widest columns of text until all fits: first down to the least that each should
// have, then from all.
void narrow(Grid& grid) {
  constexpr std::size_t kLeast = 4;
  for (const bool is_spared : {true, false}) {
    while (width_of_line(grid) > kWidth) {
      std::size_t* widest = nullptr;
      for (std::size_t i = 0; i < grid.widths.size(); ++i) {
        const auto least = is_spared ? grid.columns[i].least : kLeast;
        if (grid.columns[i].kind != Kind::text || grid.widths[i] <= least) continue;
        if (widest == nullptr || grid.widths[i] > *widest) widest = &grid.widths[i];
      }
      if (widest == nullptr) break;
      --*widest;
    }
  }
}

void write_line(std::ostream& out, const Grid& grid, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto text = cut_to(cells[i], grid.widths[i]);
    const std::string padding(grid.widths[i] - width_of(text), ' ');
    if (i > 0) line.append(kGap, ' ');
    line += is_number(grid.columns[i].kind) ? padding + text : text + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << "\n";
}

void write_rows(std::ostream& out, const Section& section) {
  if (section.rows.empty()) {
    out << "none\n";
    return;
  }
  auto grid = grid_of(section, false);
  if (width_of_line(grid) > kWidth) grid = grid_of(section, true);
  narrow(grid);
  std::vector<std::string> headings;
  for (const auto& column : grid.columns) headings.push_back(column.heading);
  write_line(out, grid, headings);
  for (const auto& row : grid.rows) write_line(out, grid, row);
  if (section.total > section.rows.size()) {
    out << fmt::format("… and {} more (--all)\n", section.total - section.rows.size());
  }
}

void write_facts(std::ostream& out, const std::vector<Fact>& facts) {
  std::size_t width = 0;
  for (const auto& fact : facts) width = std::max(width, width_of(fact.label));
  for (const auto& fact : facts) {
    out << fact.label << std::string(width - width_of(fact.label) + kGap, ' ')
        << people_text(fact.value, fact.kind) << "\n";
  }
}

// At blanks, into lines that fit.
void write_note(std::ostream& out, std::string_view note) {
  while (width_of(note) > kWidth) {
    const auto end = note.rfind(' ', kWidth);
    if (end == std::string_view::npos || end == 0) break;
    out << note.substr(0, end) << "\n";
    note.remove_prefix(end + 1);
  }
  out << note << "\n";
}

}  // namespace

void write_table(std::ostream& out, const Report& report) {
  out << report.title << "\n";
  write_facts(out, report.about);
  for (const auto& section : report.sections) {
    out << "\n" << section.title << "\n" << std::string(width_of(section.title), '-') << "\n";
    for (const auto& note : section.notes) write_note(out, harmless(note, 4096));
    if (!section.columns.empty()) {
      write_rows(out, section);
    } else {
      write_facts(out, section.facts);
    }
  }
}

}  // namespace postern::report
