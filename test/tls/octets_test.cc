// A buffer whose new octets nobody writes before they are.
#include "tls/octets.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

using postern::tls::Octets;

TEST_CASE("octets grow, keep what they hold, and stay where there is room") {
  Octets octets;
  CHECK(octets.empty());
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string more(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    if (i % 2 == 0) {
      octets.append(more);
    } else if (!more.empty()) {
      std::memcpy(octets.grow(more.size()), more.data(), more.size());
    }
    expected += more;
    REQUIRE(octets == expected);
  }
  const auto* const memory = octets.data();
  octets.clear();
  CHECK(octets.empty());
  octets.append(expected);
  CHECK(octets.data() == memory);
  CHECK(octets == expected);
}

TEST_CASE("wiped octets are overwritten where they lay") {
  Octets octets;
  octets.reserve(100);
  octets.append("secret");
  const auto* const memory = octets.data();
  octets.wipe();
  CHECK(octets.empty());
  CHECK(octets.data() == memory);
  CHECK(std::string(memory, 6) == std::string(6, '\0'));
}

TEST_CASE("room that was not needed is given back, and taken again") {
  Octets octets;
  octets.reserve(100);
  octets.append("abc");
  std::memcpy(octets.grow(10), "de", 2);
  octets.give_back(8);
  CHECK(octets == "abcde");
  octets.append("f");
  CHECK(octets == "abcdef");
  CHECK(octets.capacity() == 100);
}
