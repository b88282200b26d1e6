// `postern audit report`: all sections, in the order in which they are read.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/report/reader.h"

namespace postern::report {

struct ReportRequest {
  std::string inventory;  // its path, to be named
  Filter filter;          // as the reader was opened with
  Moment now{};
  std::size_t most_rows = 0;                 // of each section
  std::size_t most_days = 0;                 // of the trend
  const conf::Settings* settings = nullptr;  // for the rules; may be null
};

// Ask reader.error() afterwards.
Report make_report(Reader& reader, const ReportRequest& request);

// What a report says of its filter; also for what-if.
std::vector<Fact> facts_of(const Filter& filter);

}  // namespace postern::report
