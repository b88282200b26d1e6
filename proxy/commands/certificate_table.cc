// See certificate_table.h.
#include "proxy/commands/certificate_table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace postern::commands {

namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;
using std::chrono::system_clock;

constexpr std::size_t kMostNames = 4;  // of one cell
constexpr std::array kHeads = {"names", "key", "issuer", "expires", "days left", "used by", "file"};
using Row = std::array<std::string, kHeads.size()>;

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string joined(Texts texts) {
  const auto more = texts.size() > kMostNames ? texts.size() - kMostNames : 0;
  if (more > 0) {
    texts.resize(kMostNames);
    texts.push_back(fmt::format("{} more", more));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string days_left(system_clock::time_point end, system_clock::time_point now) {
  if (now >= end) return "expired";
  return std::to_string(std::chrono::floor<std::chrono::days>(end - now).count());
}

Row row_of(const Json& certificate, system_clock::time_point now) {
  const auto end = system_clock::time_point(
      std::chrono::seconds(certificate.value("not_after", std::int64_t(0))));
  Row row = {joined(certificate.value("names", Texts())),
             certificate.value("key", ""),
             certificate.value("issuer", ""),
             fmt::format("{:%Y-%m-%d}", std::chrono::floor<std::chrono::seconds>(end)),
             days_left(end, now),
             joined(certificate.value("listeners", Texts())),
             certificate.value("file", "")};
  for (auto& cell : row) cell = printable(std::move(cell));
  return row;
}

}  // namespace

std::string certificate_table(const Json& answer, system_clock::time_point now) {
  std::vector<Row> rows(1);
  std::copy(kHeads.begin(), kHeads.end(), rows.front().begin());
  for (const auto& each : answer.at("certificates")) rows.push_back(row_of(each, now));
  std::array<std::size_t, kHeads.size()> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string table;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      table += i + 1 == row.size() ? row[i] + "\n" : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
  }
  return table;
}

}  // namespace postern::commands
