// Bounds of memory in tests.
#pragma once

#include <openssl/base.h>

#include <cstddef>

namespace postern::test {

// The most octets of the heap that something with TLS in it may hold, from a bound that was measured
// with API version 17 of BoringSSL, which has most of them. The structures of other versions have
// other sizes, so there it is half as much again: too much for a leak, or a handshake that is kept.
constexpr std::size_t heap_bound(std::size_t with_api_17) {
  return BORINGSSL_API_VERSION == 17 ? with_api_17 : with_api_17 + with_api_17 / 2;
}

}  // namespace postern::test
