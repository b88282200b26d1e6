// The TLS that listeners serve: one immutable snapshot of all contexts, swapped as a whole when
// certificates change. Sessions keep what their handshake began with.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "conf/settings.h"
#include "tls/server_context.h"

namespace postern::session {

// What the policy grants a client before its ClientHello, as far as it decides the context.
struct TlsTerms {
  conf::TlsVersion min_version = conf::TlsVersion::tls1_2;
  conf::Profile profile = conf::Profile::intermediate;
  bool is_island = false;  // RSA key exchange and 3DES too

  bool operator==(const TlsTerms&) const = default;
};

// One listener's contexts: a few, so a list serves.
using TlsContexts = std::vector<std::pair<TlsTerms, std::shared_ptr<const tls::ServerContext>>>;

// By the listener's index in the settings.
using TlsSnapshot = std::vector<TlsContexts>;

// The snapshot that holds now. Thread-safe: workers look, once a handshake; whoever reloads swaps.
class CurrentTls {
 public:
  explicit CurrentTls(TlsSnapshot snapshot) { swap(std::move(snapshot)); }
  CurrentTls(const CurrentTls&) = delete;
  CurrentTls& operator=(const CurrentTls&) = delete;

  // Null where that listener has no TLS, or none for these terms.
  std::shared_ptr<const tls::ServerContext> find(std::size_t listener,
                                                 const TlsTerms& terms) const {
    const auto snapshot = get();
    if (listener >= snapshot->size()) return nullptr;
    for (const auto& [served, context] : (*snapshot)[listener]) {
      if (served == terms) return context;
    }
    return nullptr;
  }

  std::shared_ptr<const TlsSnapshot> get() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }

  void swap(TlsSnapshot snapshot) {
    auto taken = std::make_shared<const TlsSnapshot>(std::move(snapshot));
    const std::lock_guard lock(mutex_);
    snapshot_.swap(taken);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsSnapshot> snapshot_;
};

}  // namespace postern::session
