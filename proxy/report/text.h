// Text for people and programs: what clients typed, made harmless; times; CSV fields, HTML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/report/section.h"

namespace postern::report {

// Text that a client controls, so that no terminal, page or spreadsheet takes it for more than text:
// control characters, what reorders or hides text (U+202E …) and bytes that are no UTF-8 become
// escapes (\n, \x1b, \u{202e}); a backslash stays, so that DOMAIN\user reads well. Longer than `most`
// characters: cut, with `…` at its end.
std::string harmless(std::string_view text, std::size_t most = 256);

// Columns that harmless text takes on a terminal.
std::size_t width_of(std::string_view text);

// Cuts harmless text to `width` columns, with `…` where something is missing.
std::string cut_to(std::string_view text, std::size_t width);

std::string day_text(std::chrono::sys_days day);  // 2026-11-25
std::string moment_text(Moment moment);           // 2026-11-25 20:00
std::string exact_text(Moment moment);            // 2026-11-25T20:00:00.123Z

// A cell as tables and pages show it: "-" for what is not known, "12.5 %", "yes".
std::string people_text(const Cell& cell, Kind kind);

// One field (RFC 4180), quoted where it must be. Text that a spreadsheet would take for a formula
// gets a ' before it.
std::string csv_field(const Cell& cell, Kind kind);

// & < > " ' escaped.
std::string html_text(std::string_view text);

}  // namespace postern::report
