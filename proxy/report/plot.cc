// See plot.h. Colours are classes of the page's style, so that they can be others on paper.
#include "proxy/report/plot.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/report/text.h"

namespace postern::report {

namespace {

std::int64_t count_of(const Cell& cell) { return std::get<std::int64_t>(cell); }

// At most this many bars; of more days the last ones.
constexpr std::size_t kMostBars = 400;

}  // namespace

std::string trend_plot(const Section& trend) {
  if (trend.rows.empty()) return "";
  constexpr double kWidth = 720;
  constexpr double kHeight = 120;
  constexpr double kBase = 130;  // where the bars stand; their dates are below
  const auto bars = std::min(trend.rows.size(), kMostBars);
  const auto* const first = &trend.rows[trend.rows.size() - bars];
  std::int64_t greatest = 1;
  for (std::size_t i = 0; i < bars; ++i) {
    greatest = std::max(greatest, count_of(first[i][1]) + count_of(first[i][2]));
  }
  const auto step = kWidth / static_cast<double>(bars);
  const auto width = std::min(step * 0.8, 40.0);
  const auto height_of = [&](std::int64_t count) {
    const auto exact = static_cast<double>(count) * kHeight / static_cast<double>(greatest);
    return count > 0 ? std::max(exact, 1.5) : 0.0;  // what is there is seen
  };
  std::string svg = fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {} 150\" role=\"img\" aria-label=\"Logins day by day\">\n"
      "<line class=\"axis\" x1=\"0\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n",
      kWidth, kBase, kWidth, kBase);
  for (std::size_t i = 0; i < bars; ++i) {
    const auto& row = first[i];
    const auto x = step * static_cast<double>(i) + (step - width) / 2;
    const auto clear = height_of(count_of(row[1]));
    const auto tls = height_of(count_of(row[2]));
    svg += fmt::format("<g><title>{}: {} in clear, {} with TLS</title>",
                       people_text(row[0], Kind::day), count_of(row[1]), count_of(row[2]));
    const auto put = [&](const char* name, double y, double height) {
      if (height <= 0) return;
      svg += fmt::format(
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>", name,
          x, y, width, height);
    };
    put("clear", kBase - clear, clear);
    put("tls", kBase - clear - tls, tls);
    svg += "</g>\n";
  }
  svg += fmt::format(
      "<text x=\"0\" y=\"146\">{}</text><text x=\"{}\" y=\"146\" text-anchor=\"end\">{}</text>"
      "<text x=\"{}\" y=\"8\" text-anchor=\"end\">{} a day at most</text>\n</svg>\n",
      people_text(first[0][0], Kind::day), kWidth, people_text(first[bars - 1][0], Kind::day),
      kWidth, greatest);
  return svg +
         "<p class=\"key\"><span class=\"clear\"></span> in clear text <span class=\"tls\"></span> "
         "with TLS</p>\n";
}

std::string versions_plot(const Section& versions) {
  if (versions.rows.empty()) return "";
  constexpr double kRow = 22;
  constexpr double kLeft = 70;
  constexpr double kWidth = 460;
  std::string svg = fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 720 {}\" role=\"img\" aria-label=\"TLS versions\">\n",
      kRow * static_cast<double>(versions.rows.size()));
  double y = 0;
  for (const auto& row : versions.rows) {
    const auto& version = std::get<std::string>(row[0]);
    const bool is_clear = version == "none";
    const bool is_old = version == "1.0" || version == "1.1";
    const auto width = std::max(std::get<double>(row[2]) * kWidth, 1.5);
    svg += fmt::format(
        "<text x=\"0\" y=\"{0:.0f}\">{1}</text>"
        "<rect class=\"{2}\" x=\"{3}\" y=\"{4:.0f}\" width=\"{5:.1f}\" height=\"14\"/>"
        "<text x=\"{6:.1f}\" y=\"{0:.0f}\">{7} ({8})</text>\n",
        y + 14, is_clear ? "no TLS" : html_text("TLS " + harmless(version, 8)),
        is_clear ? "clear" : (is_old ? "old" : "tls"), kLeft, y + 3, width, kLeft + width + 8,
        people_text(row[2], Kind::share), count_of(row[1]));
    y += kRow;
  }
  return svg + "</svg>\n";
}

}  // namespace postern::report
