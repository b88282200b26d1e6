// Collecting, sorting and bounding what was found.
#include "conf/findings.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "conf/source.h"

namespace postern::conf {

void Findings::error(Place place, std::string message) {
  has_errors_ = true;
  add(Severity::error, place, std::move(message));
}

void Findings::warning(Place place, std::string message) {
  add(Severity::warning, place, std::move(message));
}

void Findings::add(Severity severity, Place place, std::string message) {
  ++count_;
  if (found_.size() < kMostFindings)
    found_.push_back({severity, "", place, std::move(message), ""});
}

std::vector<Diagnostic> Findings::take(const std::string& file, const Source& source) {
  std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
  });
  if (found_.size() > kMostShown) found_.resize(kMostShown);
  for (auto& finding : found_) {
    finding.file = file;
    finding.line = source.excerpt(finding.place.line);
  }
  if (count_ > found_.size()) {
    const auto severity = has_errors_ ? Severity::error : Severity::warning;
    const std::string more = std::to_string(count_ - found_.size());
    found_.push_back({severity, file, {}, "and " + more + " more like these", ""});
  }
  count_ = 0;
  has_errors_ = false;
  return std::exchange(found_, {});
}

}  // namespace postern::conf
