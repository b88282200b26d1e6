// See memory.h. Each block has a header that says whose it is, so that it is given back to the same
// account whoever frees it.
#include "test/sim/memory.h"

#include <array>
#include <cstdlib>
#include <new>

namespace postern::sim::memory {

namespace {

int current = -1;
std::array<std::size_t, kMostSessions> accounts{};

struct alignas(std::max_align_t) Header {
  std::size_t size;
  int account;
};

}  // namespace

int charge(int session) {
  const int before = current;
  current = session;
  return before;
}

std::size_t held(int session) { return accounts[static_cast<std::size_t>(session)]; }

#ifdef POSTERN_SANITIZED

bool is_counting() { return false; }

#else

bool is_counting() { return true; }

namespace {

void* take(std::size_t size) {
  auto* const header = static_cast<Header*>(std::malloc(sizeof(Header) + size));
  if (header == nullptr) return nullptr;
  header->size = size;
  header->account = current;
  if (current >= 0) accounts[static_cast<std::size_t>(current)] += size;
  return header + 1;
}

void give_back(void* block) {
  if (block == nullptr) return;
  auto* const header = static_cast<Header*>(block) - 1;
  if (header->account >= 0) accounts[static_cast<std::size_t>(header->account)] -= header->size;
  std::free(header);
}

}  // namespace

#endif

}  // namespace postern::sim::memory

#ifndef POSTERN_SANITIZED

namespace memory = postern::sim::memory;

void* operator new(std::size_t size) {
  if (void* const block = memory::take(size)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block) noexcept { memory::give_back(block); }
void operator delete[](void* block) noexcept { memory::give_back(block); }
void operator delete(void* block, std::size_t) noexcept { memory::give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { memory::give_back(block); }

// BoringSSL looks for these (openssl/mem.h).
extern "C" {
void* OPENSSL_memory_alloc(std::size_t size) { return memory::take(size); }
void OPENSSL_memory_free(void* block) { memory::give_back(block); }
std::size_t OPENSSL_memory_get_size(void* block) {
  return block == nullptr ? 0 : (static_cast<memory::Header*>(block) - 1)->size;
}
}

#endif
