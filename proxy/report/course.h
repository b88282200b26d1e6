// How it goes, day by day; what was given up; and whether all of it is known.
#pragma once

#include <cstddef>

#include "proxy/report/reader.h"

namespace postern::report {

// Each day from the first that is asked for (or known) to `today`, those without a login too.
// At most the `most` last ones.
Section trend(Reader& reader, const Filter& filter, std::chrono::sys_days today, std::size_t most);

// Sessions that ended without a login though their protocol has one.
Section abandoned_sessions(Reader& reader, std::size_t most);

// First and last day, runs, stops without a last word, what was lost.
Section completeness(Reader& reader, const Filter& filter);
// Each gap and each such stop.
Section gaps(Reader& reader, const Filter& filter, std::size_t most);

}  // namespace postern::report
