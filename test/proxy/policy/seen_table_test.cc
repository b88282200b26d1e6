// What has been seen in a period: bounded, and forgotten when another begins.
#include "proxy/policy/seen_table.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using postern::policy::SeenTable;

namespace {

// Spreads small numbers over all shards, as hashes are.
std::uint64_t hash_of(std::uint64_t number) { return number * 0x9e3779b97f4a7c15; }

}  // namespace

TEST_CASE("what was inserted is seen until another period begins") {
  SeenTable table(1024);
  REQUIRE_FALSE(table.contains(hash_of(1), 7));
  REQUIRE(table.insert(hash_of(1), 7));
  REQUIRE(table.contains(hash_of(1), 7));
  REQUIRE_FALSE(table.insert(hash_of(1), 7));
  REQUIRE_FALSE(table.contains(hash_of(2), 7));
  REQUIRE_FALSE(table.contains(hash_of(1), 8));
  REQUIRE(table.insert(hash_of(1), 8));
}

TEST_CASE("a table that is full forgets rather than grows") {
  SeenTable table(1024);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    REQUIRE(table.insert(hash_of(i), 0));
    REQUIRE(table.contains(hash_of(i), 0));
  }
  REQUIRE(table.size() <= 1024);
}

TEST_CASE("workers insert at once, and each hash is new to one of them") {
  constexpr std::uint64_t kEach = 2000;
  SeenTable table(65'536);
  std::array<std::uint64_t, 4> found{};
  std::vector<std::thread> threads;
  for (auto& count : found) {
    threads.emplace_back([&table, &count] {
      for (std::uint64_t i = 0; i < kEach; ++i) count += table.insert(hash_of(i), 0) ? 1U : 0U;
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(found[0] + found[1] + found[2] + found[3] == kEach);
}
