// What a backend with TLS adds to its settings, loaded; and what became of one connection's.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/clock.h"
#include "tls/client_context.h"
#include "tls/client_engine.h"

namespace postern::backend {

// Tells what is news from what has been said already, so that a server that is down for a night is not
// a line in the log for each session. Thread-safe.
class Complaints {
 public:
  static constexpr net::Instant kPause{60'000};

  // Whether these words about this server are others than the last ones, or those are a while ago.
  bool is_news(std::size_t server, std::string_view words, net::Instant now) const;

 private:
  struct Said {
    std::string words;
    net::Instant at{};
  };
  mutable std::mutex mutex_;
  mutable std::vector<Said> said_;
};

// Thread-safe: workers take contexts, whoever reads CAs and certificates anew swaps them.
class Security {
 public:
  enum class Upgrade { implicit, starttls };
  // One for each server that the settings name.
  using Contexts = std::vector<std::shared_ptr<const tls::ClientContext>>;

  // `servers`: for each address of the backend, in their order, which of those servers it is of.
  Security(Upgrade upgrade, Contexts contexts, std::vector<std::size_t> servers);

  Upgrade upgrade() const { return upgrade_; }
  // Whether some server is shown a certificate of postern's own, to which it may give rights. Contexts
  // that are swapped in are of the same settings: they show one, too, or none.
  bool shows_certificate() const { return shows_certificate_; }
  // What a connection to this address of the backend takes.
  std::shared_ptr<const tls::ClientContext> context(std::size_t address) const;
  // For connections from now on; as many as before.
  void swap(Contexts contexts);
  const Complaints& complaints() const { return complaints_; }

 private:
  const Upgrade upgrade_;
  const bool shows_certificate_;
  const std::vector<std::size_t> servers_;
  const Complaints complaints_;
  mutable std::mutex mutex_;
  Contexts contexts_;
};

// Why a server's TLS came to nothing.
struct TlsFailure {
  enum class Kind {
    none,
    refused,    // it greeted in clear with a refusal: its TLS was not asked for
    failed,     // it has none, or not the one that it should have
    injection,  // clear text stood behind its go-ahead: somebody on the way wrote it
  };
  Kind kind = Kind::none;
  std::string words;  // for an administrator; printable ASCII
};

}  // namespace postern::backend
