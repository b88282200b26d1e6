// Gives a certificate and its key to BoringSSL. For this room's own files only.
#pragma once

#include <cstddef>
#include <vector>

#include "tls/native.h"

namespace postern::tls {

// Installs `credentials` with `set`, which is BoringSSL's call for an SSL or an SSL_CTX, whatever its exact
// type, which is not the same in all versions. The key goes
// by way of a desk where that is the shorter way for the loop. False: BoringSSL cannot use them, or is
// out of memory.
template <typename Target, typename Set>
bool install(const Credentials::Native& credentials, Target* target, Set* set) {
  std::vector<CRYPTO_BUFFER*> chain;
  chain.reserve(credentials.chain.size());
  for (const auto& buffer : credentials.chain) chain.push_back(buffer.get());
  return credentials.signs_slowly
             ? set(target, chain.data(), chain.size(), nullptr, &kOffloadedKey) == 1
             : set(target, chain.data(), chain.size(), credentials.key.get(), nullptr) == 1;
}

}  // namespace postern::tls
