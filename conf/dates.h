// Days and moments from text, all in UTC.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "conf/settings.h"
#include "conf/values.h"

namespace postern::conf {

// A day of the calendar, "2027-03-01", from 1970 to 2261, where clocks of nanoseconds end.
Parsed<Date> parse_date(std::string_view text);

// The same, which is its 00:00 UTC, or with a time: "2027-03-01T08:30Z", "2027-03-01T08:30:15Z".
Parsed<std::chrono::sys_seconds> parse_moment(std::string_view text);

// A whole number of days, "400d".
Parsed<std::chrono::days> parse_days(std::string_view text, std::size_t least, std::size_t most);

// "2027-03-01"; the year has four digits. "2027-03-01T08:30:15Z".
std::string date_text(Date date);
std::string moment_text(std::chrono::sys_seconds moment);

}  // namespace postern::conf
