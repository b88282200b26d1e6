// See heap.h.
#include "test/fuzz/heap.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

std::ptrdiff_t in_use = 0;  // the programs that use it have one thread

}  // namespace

namespace postern::test {

std::ptrdiff_t heap_in_use() { return in_use; }

}  // namespace postern::test

// All that have no alignment of their own: a sanitizer brings its own of each, and those of one pair
// must not meet.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  in_use += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  return memory;
}
void* operator new(std::size_t size) { return operator new(size, std::nothrow); }
void* operator new[](std::size_t size) { return operator new(size, std::nothrow); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size, std::nothrow);
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  in_use -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
