// Chance that is the same on every machine and with every standard library: SplitMix64.
#pragma once

#include <cstdint>
#include <string>

namespace postern::sim {

// Turns neighbouring numbers into unrelated ones.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix(seed)) {}

  std::uint64_t next() { return mix(state_++); }
  // 0 to `most` - 1.
  std::uint64_t below(std::uint64_t most) { return most == 0 ? 0 : next() % most; }
  // Both ends included.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  // True once in `times`.
  bool one_in(std::uint64_t times) { return below(times) == 0; }
  // One of a container's elements.
  template <class Container>
  const auto& one_of(const Container& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

// 16 hexadecimal digits.
inline std::string hex(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; number >>= 4)
    text[i] = "0123456789abcdef"[number & 15];
  return text;
}

}  // namespace postern::sim
