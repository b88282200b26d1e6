// How many connections there are, in all and by client address. Shared by all workers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace postern::policy {

// The table holds one entry for each address that has a connection now, so it is bounded by the
// limit on connections. Thread-safe; sharded, so that workers seldom meet.
class ConnectionLimits {
 public:
  using Key = std::array<std::uint8_t, 16>;  // an IPv6 or IPv4-mapped address

  enum class Answer { entered, too_many, too_many_from_address };

  ConnectionLimits(std::size_t most, std::size_t most_per_address)
      : most_(most), most_per_address_(most_per_address) {}

  // Counts a connection in; leave() must follow where it was entered.
  Answer enter(const Key& address);
  void leave(const Key& address);
  // The same in two steps, for a connection whose client is not known yet: counts it in among all;
  // then, unless enter_unknown() says false, either name() or leave_unknown() must follow. name()
  // counts it to its client, or out again where that has too many.
  bool enter_unknown();
  Answer name(const Key& address);
  void leave_unknown() { count_.fetch_sub(1); }
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, std::size_t, Hash> counts;
  };
  Shard& shard(const Key& address) { return shards_[Hash()(address) % shards_.size()]; }

  const std::size_t most_;
  const std::size_t most_per_address_;
  std::atomic<std::size_t> count_{0};
  std::array<Shard, 16> shards_;
};

}  // namespace postern::policy
