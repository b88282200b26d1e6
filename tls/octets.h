// Octets without the cost of std::string's resize(), which writes all that is about to be overwritten.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace postern::tls {

// A growing buffer. Where it grows, what it held is left behind in freed memory: who keeps secrets in
// it reserves enough. Not thread-safe.
class Octets {
 public:
  Octets() = default;
  Octets(Octets&&) noexcept = default;
  Octets& operator=(Octets&&) noexcept = default;

  const char* data() const { return memory_.get(); }
  char* data() { return memory_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {memory_.get(), size_}; }
  operator std::string_view() const { return view(); }
  friend bool operator==(const Octets& octets, std::string_view text) {
    return octets.view() == text;
  }

  void reserve(std::size_t octets);
  // Room for so many more octets, whose values are anything until they are written.
  char* grow(std::size_t octets);
  // So many of the last ones are none after all; at most size().
  void give_back(std::size_t octets) { size_ -= octets; }
  void append(std::string_view octets);
  void clear() { size_ = 0; }
  // Overwrites what it holds, and empties it.
  void wipe();

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace postern::tls
