// See commands.h.
#include "proxy/report/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/load.h"
#include "proxy/audit/tls_names.h"
#include "proxy/report/export.h"
#include "proxy/report/formats.h"
#include "proxy/report/report.h"
#include "proxy/report/what_if.h"

namespace postern::report {

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::size_t kTableRows = 15;
constexpr std::size_t kPageRows = 100;
constexpr std::size_t kTableDays = 31;
constexpr std::size_t kMostDays = 36'500;

// What the words of the command line come to.
struct Understood {
  std::optional<conf::Settings> settings;
  std::string inventory;
  Filter filter;
  Format format = Format::table;
};

// Says what was wrong with a word.
int usage(std::ostream& messages, std::string_view fault) {
  messages << "postern audit: " << fault << "\n";
  return kUsage;
}

int failure(std::ostream& messages, std::string_view fault) {
  messages << "postern audit: " << fault << "\n";
  return kFailed;
}

int understand_filter(const Asked& asked, Moment now, Filter& filter, std::ostream& messages) {
  const auto since = parse_since(asked.since, std::chrono::floor<std::chrono::days>(now));
  if (!since.is_valid) {
    return usage(messages, "--since: expected a number of days like 30d, a date YYYY-MM-DD or all");
  }
  filter.since = since.day;
  filter.listener = asked.listener;
  if (!asked.network.empty()) {
    filter.network = parse_network(asked.network);
    if (!filter.network) {
      return usage(messages, "--network: expected an address or a network like 192.0.2.0/24");
    }
  }
  filter.user = asked.user;
  std::transform(filter.user.begin(), filter.user.end(), filter.user.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return 0;
}

int understand(const Asked& asked, Moment now, Understood& understood, std::ostream& messages) {
  if (const int status = understand_filter(asked, now, understood.filter, messages)) return status;
  const auto format = parse_format(asked.format);
  if (!format) return usage(messages, "--format: expected table, csv, json or html");
  understood.format = *format;
  if (!asked.config.empty()) {
    auto loaded = conf::load_file(asked.config);
    messages << conf::text_of(loaded.diagnostics);
    if (!loaded.settings) return kFailed;
    understood.settings = std::move(loaded.settings);
  }
  understood.inventory = asked.inventory;
  if (!understood.inventory.empty()) return 0;
  if (!understood.settings) return usage(messages, "--config FILE or --inventory FILE is needed");
  understood.inventory = understood.settings->audit.inventory;
  if (understood.inventory.empty()) {
    return failure(messages,
                   fmt::format("{} keeps no inventory (audit.inventory: none)", asked.config));
  }
  return 0;
}

// People get the first ones, programs all.
std::size_t most_rows(const Asked& asked, Format format) {
  if (asked.all) return std::numeric_limits<std::size_t>::max();
  switch (format) {
    case Format::table:
      return kTableRows;
    case Format::html:
      return kPageRows;
    default:
      return std::numeric_limits<std::size_t>::max();
  }
}

int print(Report report, const Asked& asked, Format format, std::ostream& out,
          std::ostream& messages) {
  if (!asked.section.empty()) {
    std::string known;
    for (const auto& section : report.sections) known += " " + section.id;
    std::erase_if(report.sections,
                  [&](const auto& section) { return section.id != asked.section; });
    if (report.sections.empty()) return usage(messages, "--section: expected one of" + known);
  }
  write(out, report, format);
  out.flush();
  return out ? 0 : failure(messages, "could not write all of it");
}

int unreadable(std::ostream& messages, const Understood& understood, const Reader& reader) {
  return failure(messages, fmt::format("{}: {}", understood.inventory, reader.error()));
}

// IANA names with commas between.
std::optional<std::vector<std::uint16_t>> suites_of(std::string_view list, std::ostream& messages) {
  std::vector<std::uint16_t> suites;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto name = list.substr(0, comma);
    const auto number = audit::cipher_number(name);
    if (!number) {
      usage(messages, fmt::format("--suites: no suite is called {}", name));
      return std::nullopt;
    }
    suites.push_back(*number);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return suites;
}

}  // namespace

int report_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages) {
  Understood understood;
  if (const int status = understand(asked, now, understood, messages)) return status;
  auto opened = Reader::open(understood.inventory, understood.filter);
  if (const auto* const error = std::get_if<std::string>(&opened)) return failure(messages, *error);
  auto& reader = std::get<Reader>(opened);
  ReportRequest request;
  request.inventory = understood.inventory;
  request.filter = understood.filter;
  request.now = now;
  request.most_rows = most_rows(asked, understood.format);
  const bool is_short = understood.format == Format::table && !asked.all;
  request.most_days = is_short ? kTableDays : kMostDays;
  request.settings = understood.settings ? &*understood.settings : nullptr;
  auto report = make_report(reader, request);
  if (!reader.error().empty()) return unreadable(messages, understood, reader);
  return print(std::move(report), asked, understood.format, out, messages);
}

int what_if_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages) {
  Understood understood;
  if (const int status = understand(asked, now, understood, messages)) return status;
  if (!understood.settings) return usage(messages, "--config FILE is needed: the next settings");
  WhatIfRequest request;
  request.next = &*understood.settings;
  request.at = std::chrono::floor<std::chrono::seconds>(now);
  if (!asked.at.empty()) {
    const auto day = parse_day(asked.at);
    if (!day) return usage(messages, "--at: expected a date YYYY-MM-DD");
    request.at = *day;
  }
  auto suites = suites_of(asked.suites, messages);
  if (!suites) return kUsage;
  request.suites = std::move(*suites);
  auto opened = Reader::open(understood.inventory, understood.filter);
  if (const auto* const error = std::get_if<std::string>(&opened)) return failure(messages, *error);
  auto& reader = std::get<Reader>(opened);
  auto report = what_if_report(reader, request, understood.filter, understood.inventory,
                               most_rows(asked, understood.format));
  if (!reader.error().empty()) return unreadable(messages, understood, reader);
  return print(std::move(report), asked, understood.format, out, messages);
}

int export_command(const Asked& asked, Moment now, std::ostream& out, std::ostream& messages) {
  Understood understood;
  if (const int status = understand(asked, now, understood, messages)) return status;
  if (understood.format != Format::csv && understood.format != Format::json) {
    return usage(messages, "--format: expected csv or json (a line a row)");
  }
  if (!is_table(asked.table)) {
    return usage(messages, "--table: expected one of " + table_names());
  }
  auto opened = Reader::open(understood.inventory, understood.filter);
  if (const auto* const error = std::get_if<std::string>(&opened)) return failure(messages, *error);
  auto& reader = std::get<Reader>(opened);
  export_table(reader, asked.table, understood.format, out);
  if (!reader.error().empty()) return unreadable(messages, understood, reader);
  out.flush();
  return out ? 0 : failure(messages, "could not write all of it");
}

}  // namespace postern::report
