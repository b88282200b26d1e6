// Hostile text, and the words of filters.
#include "proxy/report/text.h"

#include <catch2/catch.hpp>

#include "conf/prefixes.h"
#include "proxy/report/filter.h"

namespace postern::report {

TEST_CASE("what a client typed becomes harmless, and stays readable") {
  struct {
    std::string_view typed;
    std::string_view shown;
  } const rows[] = {
      {"anna", "anna"},
      {"TEST\\joe", "TEST\\joe"},
      {"J\xc3\xbcrgen", "J\xc3\xbcrgen"},
      {"\xe6\x9d\xb1\xe4\xba\xac", "\xe6\x9d\xb1\xe4\xba\xac"},
      {"a\nb\rc\td", "a\\nb\\rc\\td"},
      {std::string_view("a\0b", 3), "a\\x00b"},
      {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
      {"\x7f", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\u{9b}31m"},  // CSI as one character (C1)
      {"\xe2\x80\xae"
       "gpj",
       "\\u{202e}gpj"},                            // writes from right to left
      {"a\xe2\x80\x8b", "a\\u{200b}"},             // cannot be seen
      {"a\xcc\x81\xcc\x81", "a\\u{301}\\u{301}"},  // piles up
      {"\xff\xfe", "\\xff\\xfe"},
      {"\xc0\xaf", "\\xc0\\xaf"},           // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
      {"\xe2\x82", "\\xe2\\x82"},           // cut off
      {"\xf0\x9f\x98\x80", "\\u{1f600}"},
  };
  for (const auto& row : rows) {
    CHECK(harmless(row.typed) == row.shown);
  }
  CHECK(harmless(std::string(300, 'x'), 256) == std::string(256, 'x') + "…");
}

TEST_CASE("text is cut by columns, not by octets") {
  CHECK(cut_to("abc", 3) == "abc");
  CHECK(cut_to("abcd", 3) == "ab…");
  CHECK(cut_to("\xe6\x9d\xb1\xe4\xba\xac", 3) == "\xe6\x9d\xb1…");
  CHECK(width_of("\xe6\x9d\xb1\xe4\xba\xac") == 4);
}

TEST_CASE("a time to begin with is a number of days, a date, or all") {
  const std::chrono::sys_days today{std::chrono::year(2026) / 11 / 25};
  CHECK(parse_since("1d", today).day == today);
  CHECK(parse_since("30d", today).day == today - std::chrono::days(29));
  CHECK(parse_since("2026-11-01", today).day == today - std::chrono::days(24));
  CHECK((parse_since("all", today).is_valid && !parse_since("all", today).day));
  for (const auto* const word : {"", "d", "0d", "-1d", "30", "99999999d", "2026-02-30", "2026-1-1",
                                 "2026-11-01x", "yesterday"}) {
    INFO(word);
    CHECK_FALSE(parse_since(word, today).is_valid);
  }
}

TEST_CASE("a network is a prefix without bits behind it") {
  struct {
    std::string_view text;
    std::string_view network;  // "" : none
  } const rows[] = {
      {"192.0.2.0/24", "192.0.2.0/24"},
      {"192.0.2.7", "192.0.2.7"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"::/0", "::/0"},
      {"192.0.2.1/24", ""},
      {"192.0.2.0/33", ""},
      {"192.0.2.0/", ""},
      {"192.0.2.0/-1", ""},
      {"*", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto network = parse_network(row.text);
    CHECK((network ? conf::prefix_text(*network) : "") == row.network);
  }
  CHECK(network_of("192.0.2.77") == "192.0.2.0/24");
  CHECK(network_of("2001:db8:1:2::/64") == "2001:db8:1:2::/64");
  CHECK(network_of("*") == "*");
}

}  // namespace postern::report
