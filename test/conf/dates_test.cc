// Days and moments from text.
#include "conf/dates.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern::conf;  // NOLINT: a test of everything in it
using namespace std::chrono;    // NOLINT: a date is written with its operators

namespace {

std::string moment(std::string_view text) {
  const auto parsed = parse_moment(text);
  return parsed.value ? moment_text(*parsed.value) : "expected " + parsed.expected;
}

}  // namespace

TEST_CASE("a date is a day of the calendar from 1970 to 2261") {
  REQUIRE(parse_date("2027-03-01").value == Date(2027y / March / 1));
  REQUIRE(parse_date("1970-01-01").value == Date(days(0)));
  REQUIRE(parse_date("2261-12-31").value == Date(2261y / December / 31));
  REQUIRE(parse_date("2028-02-29").value == Date(2028y / February / 29));
  REQUIRE(parse_date("2000-02-29").value);
  for (const char* text : {"2027-02-29", "2100-02-29", "2027-13-01", "2027-00-10", "2027-04-31",
                           "2027-01-00", "1969-12-31", "0000-01-01", "2262-01-01", "9999-12-31"})
    REQUIRE(parse_date(text).expected == "a day of the calendar, from 1970-01-01 to 2261-12-31");
  for (const char* text :
       {"", "2027-3-1", "2027-03-1", "27-03-01", "2027/03/01", "20270301", "2027-03-01 ",
        " 2027-03-01", "+027-03-01", "2027-03-01T00:00Z", "10000-01-01", "2027-0a-01", "today"})
    REQUIRE(parse_date(text).expected == "a date as YYYY-MM-DD, such as 2027-03-01");
}

TEST_CASE("a moment is a date or a time in UTC") {
  REQUIRE(moment("2027-03-01") == "2027-03-01T00:00:00Z");
  REQUIRE(moment("2027-03-01T23:59Z") == "2027-03-01T23:59:00Z");
  REQUIRE(moment("2261-12-31T23:59:59Z") == "2261-12-31T23:59:59Z");
  for (const char* text : {"2027-03-01T24:00Z", "2027-03-01T00:60Z", "2027-03-01T00:00:60Z"})
    REQUIRE(moment(text) == "expected a time of the day from 00:00 to 23:59:59");
  for (const char* text : {"2027-03-01T00:00", "2027-03-01 00:00Z", "2027-03-01T00:00:00+01:00",
                           "2027-03-01T", "", "soon", "2027-03-01T0:00Z", "2027-03-01T00:00:00.5Z"})
    REQUIRE(moment(text) ==
            "expected a date, such as 2027-03-01, or a time in UTC, such as 2027-03-01T08:30Z");
  REQUIRE(moment("2027-02-30T00:00Z") ==
          "expected a day of the calendar, from 1970-01-01 to 2261-12-31");
}

TEST_CASE("days are a whole number of them") {
  REQUIRE(parse_days("400d", 1, 500).value == days(400));
  for (const char* text :
       {"", "d", "0d", "501d", "4h", "400", "4 d", "-1d", "99999999999999999999d"})
    REQUIRE(parse_days(text, 1, 500).expected == "days from 1d to 500d");
}

TEST_CASE("dates and moments are written as they are read") {
  REQUIRE(date_text(Date(2027y / March / 1)) == "2027-03-01");
  REQUIRE(moment_text(sys_days(1970y / January / 1) + 61s) == "1970-01-01T00:01:01Z");
}
