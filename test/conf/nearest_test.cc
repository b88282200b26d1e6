// The word that was meant.
#include "conf/nearest.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>

using postern::conf::nearest;

namespace {

constexpr std::array<std::string_view, 6> kKnown = {"hostname",    "listeners", "min_version",
                                                    "max_version", "tls",       "user"};

}  // namespace

TEST_CASE("one letter more, less, other or swapped is near") {
  REQUIRE(nearest("listener", kKnown) == "listeners");
  REQUIRE(nearest("listenerss", kKnown) == "listeners");
  REQUIRE(nearest("listenars", kKnown) == "listeners");
  REQUIRE(nearest("lsiteners", kKnown) == "listeners");
  REQUIRE(nearest("tsl", kKnown) == "tls");
}

TEST_CASE("case and hyphens cost nothing") {
  REQUIRE(nearest("Min-Version", kKnown) == "min_version");
  REQUIRE(nearest("USER", kKnown) == "user");
}

TEST_CASE("the nearer of two wins") {
  REQUIRE(nearest("mix_version", kKnown) == "min_version");
  REQUIRE(nearest("mx_version", kKnown) == "max_version");
}

TEST_CASE("what is far, empty or endless has no near word") {
  REQUIRE(nearest("certificates", kKnown).empty());
  REQUIRE(nearest("ab", kKnown).empty());
  REQUIRE(nearest("", kKnown).empty());
  REQUIRE(nearest(std::string(65, 'a'), std::array<std::string_view, 1>{"a"}).empty());
  REQUIRE(nearest("x", std::array<std::string_view, 1>{"a"}).empty());
}
