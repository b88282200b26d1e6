// See body.h.
#include "test/sim/body.h"

#include <algorithm>

#include "test/sim/random.h"

namespace postern::sim {

namespace {

constexpr std::size_t kLine = 64;

// Eight octets follow from one number.
class Source {
 public:
  explicit Source(const Body& body) : body_(body) {}

  char at(std::size_t place) {
    if (place / 8 != block_) {
      block_ = place / 8;
      octets_ = mix(body_.seed ^ (block_ * 0x9e3779b97f4a7c15));
    }
    const auto octet = static_cast<unsigned char>(octets_ >> (8 * (place % 8)));
    if (body_.kind == Body::Kind::bytes) return static_cast<char>(octet);
    if (place % kLine == kLine - 2) return '\r';
    if (place % kLine == kLine - 1) return '\n';
    return static_cast<char>('a' + octet % 26);
  }

 private:
  const Body& body_;
  std::size_t block_ = static_cast<std::size_t>(-1);
  std::uint64_t octets_ = 0;
};

}  // namespace

char Body::at(std::size_t place) const { return Source(*this).at(place); }

std::string Body::piece(std::size_t place, std::size_t most) const {
  std::string octets(std::min(most, size - std::min(place, size)), '\0');
  Source source(*this);
  for (auto& octet : octets) octet = source.at(place++);
  return octets;
}

bool Body::holds(std::size_t place, std::string_view octets) const {
  if (place + octets.size() > size) return false;
  Source source(*this);
  return std::all_of(octets.begin(), octets.end(),
                     [&](char octet) { return octet == source.at(place++); });
}

}  // namespace postern::sim
