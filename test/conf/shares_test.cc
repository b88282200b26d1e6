// Parts of all from text.
#include "conf/shares.h"

#include <catch2/catch.hpp>
#include <string>

using namespace postern::conf;  // NOLINT: a test of everything in it

TEST_CASE("a share is a percentage with two decimals at most") {
  const auto value = [](std::string_view text) { return parse_share(text).value.value().value; };
  REQUIRE(value("0%") == 0);
  REQUIRE(value("10%") == 1000);
  REQUIRE(value("0.5%") == 50);
  REQUIRE(value("0.05%") == 5);
  REQUIRE(value("12.25%") == 1225);
  REQUIRE(value("99.99%") == 9999);
  REQUIRE(value("100%") == Share::kAll);
  REQUIRE(value("100.00%") == Share::kAll);
  for (const char* text : {"", "%", "10", "100.01%", "101%", "-1%", "0.125%", ".5%", "5.%", "1,5%",
                           "010%", "10 %", "10%%", "1e1%", "0.5.5%"})
    REQUIRE(parse_share(text).expected == "a share from 0% to 100%, such as 10% or 0.5%");
}

TEST_CASE("a share is written as it is read") {
  for (const char* text : {"0%", "10%", "0.5%", "0.05%", "12.25%", "100%"})
    REQUIRE(share_text(*parse_share(text).value) == text);
}
