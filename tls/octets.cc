// See octets.h.
#include "tls/octets.h"

#include <algorithm>
#include <cstring>

namespace postern::tls {

void Octets::reserve(std::size_t octets) {
  if (octets <= capacity_) return;
  std::unique_ptr<char[]> larger(new char[octets]);
  if (size_ > 0) std::memcpy(larger.get(), memory_.get(), size_);
  memory_ = std::move(larger);
  capacity_ = octets;
}

char* Octets::grow(std::size_t octets) {
  if (size_ + octets > capacity_) reserve(std::max(size_ + octets, 2 * capacity_));
  auto* const room = memory_.get() + size_;
  size_ += octets;
  return room;
}

void Octets::append(std::string_view octets) {
  if (!octets.empty()) std::memcpy(grow(octets.size()), octets.data(), octets.size());
}

void Octets::wipe() {
  if (size_ > 0) explicit_bzero(memory_.get(), size_);
  size_ = 0;
}

}  // namespace postern::tls
