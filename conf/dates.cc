// Days and moments from text.
#include "conf/dates.h"

#include <algorithm>

namespace postern::conf {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Days are held against clocks that count nanoseconds in 64 bits, which end in 2262.
constexpr int kLastYear = 2261;

constexpr std::string_view kDateForm = "0000-00-00";
constexpr std::string_view kShortTimeForm = "T00:00Z";
constexpr std::string_view kTimeForm = "T00:00:00Z";

// Whether `text` is `form`, in which 0 stands for any digit.
bool has_form(std::string_view text, std::string_view form) {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char f) { return f == '0' ? is_digit(c) : c == f; });
}

// Of two or four digits.
int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// Exactly `width` digits, zeros in front.
std::string padded(int value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

}  // namespace

Parsed<Date> parse_date(std::string_view text) {
  if (!has_form(text, kDateForm)) return {{}, "a date as YYYY-MM-DD, such as 2027-03-01"};
  const int year = number(text.substr(0, 4));
  const std::chrono::year_month_day date(
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(number(text.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(number(text.substr(8, 2)))));
  if (year < 1970 || year > kLastYear || !date.ok())
    return {{}, "a day of the calendar, from 1970-01-01 to 2261-12-31"};
  return {Date(date), ""};
}

Parsed<std::chrono::sys_seconds> parse_moment(std::string_view text) {
  const auto date = parse_date(text.substr(0, kDateForm.size()));
  const auto time = text.substr(std::min(text.size(), kDateForm.size()));
  const bool is_long = has_form(time, kTimeForm);
  const bool has_time = is_long || has_form(time, kShortTimeForm);
  if (!has_form(text.substr(0, kDateForm.size()), kDateForm) || (!time.empty() && !has_time))
    return {{}, "a date, such as 2027-03-01, or a time in UTC, such as 2027-03-01T08:30Z"};
  if (!date.value) return {{}, date.expected};
  if (time.empty()) return {*date.value, ""};
  const std::chrono::hours hours(number(time.substr(1, 2)));
  const std::chrono::minutes minutes(number(time.substr(4, 2)));
  const std::chrono::seconds seconds(is_long ? number(time.substr(7, 2)) : 0);
  if (hours.count() > 23 || minutes.count() > 59 || seconds.count() > 59)
    return {{}, "a time of the day from 00:00 to 23:59:59"};
  return {*date.value + hours + minutes + seconds, ""};
}

Parsed<std::chrono::days> parse_days(std::string_view text, std::size_t least, std::size_t most) {
  if (text.ends_with('d')) {
    const auto count = parse_count(text.substr(0, text.size() - 1), least, most);
    if (count.value) return {std::chrono::days(static_cast<int>(*count.value)), ""};
  }
  return {{}, "days from " + std::to_string(least) + "d to " + std::to_string(most) + "d"};
}

std::string date_text(Date date) {
  const std::chrono::year_month_day day(date);
  return padded(static_cast<int>(day.year()), 4) + "-" +
         padded(static_cast<int>(static_cast<unsigned>(day.month())), 2) + "-" +
         padded(static_cast<int>(static_cast<unsigned>(day.day())), 2);
}

std::string moment_text(std::chrono::sys_seconds moment) {
  const auto date = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::hh_mm_ss time(moment - date);
  return date_text(date) + "T" + padded(static_cast<int>(time.hours().count()), 2) + ":" +
         padded(static_cast<int>(time.minutes().count()), 2) + ":" +
         padded(static_cast<int>(time.seconds().count()), 2) + "Z";
}

}  // namespace postern::conf
