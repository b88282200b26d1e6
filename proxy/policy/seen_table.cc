// See seen_table.h.
#include "proxy/policy/seen_table.h"

#include <utility>

namespace postern::policy {

void SeenTable::enter(Shard& shard, Period period) {
  if (std::exchange(shard.period, period) != period) shard.seen.clear();
}

bool SeenTable::contains(std::uint64_t hash, Period period) {
  auto& its = shard(hash);
  const std::lock_guard lock(its.mutex);
  enter(its, period);
  return its.seen.contains(hash);
}

bool SeenTable::insert(std::uint64_t hash, Period period) {
  auto& its = shard(hash);
  const std::lock_guard lock(its.mutex);
  enter(its, period);
  if (its.seen.contains(hash)) return false;
  if (its.seen.size() >= most_per_shard_) its.seen.clear();
  its.seen.insert(hash);
  return true;
}

std::size_t SeenTable::size() {
  std::size_t size = 0;
  for (auto& its : shards_) {
    const std::lock_guard lock(its.mutex);
    size += its.seen.size();
  }
  return size;
}

}  // namespace postern::policy
