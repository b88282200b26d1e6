// What has been seen in a period: users warned today, fingerprints known. Shared by all workers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_set>

namespace postern::policy {

// Holds 64-bit hashes, and forgets all of them when another period begins. A part of it that is
// full is emptied: what it held is new again, so it is for what may be said twice. Thread-safe;
// sharded, so that workers seldom meet.
class SeenTable {
 public:
  using Period = std::int64_t;  // a number of the caller's: a day, or always the same

  // Holds `most` at any time, 16 or more; an entry takes about 40 octets.
  explicit SeenTable(std::size_t most) : most_per_shard_(most / kShards) {}

  bool contains(std::uint64_t hash, Period period);
  // Whether it had not been seen.
  bool insert(std::uint64_t hash, Period period);
  std::size_t size();

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    Period period = 0;
    std::unordered_set<std::uint64_t> seen;
  };
  Shard& shard(std::uint64_t hash) { return shards_[(hash >> 32) % kShards]; }
  static void enter(Shard& shard, Period period);

  const std::size_t most_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace postern::policy
