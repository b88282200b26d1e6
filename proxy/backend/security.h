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

struct Security {
  enum class Upgrade { implicit, starttls };

  Upgrade upgrade = Upgrade::implicit;
  // One for each of the backend's servers, in their order.
  std::vector<std::shared_ptr<const tls::ClientContext>> contexts;
  Complaints complaints;
};

// Why a server's TLS came to nothing.
struct TlsFailure {
  enum class Kind {
    none,
    failed,     // it has none, or not the one that it should have
    injection,  // clear text stood behind its go-ahead: somebody on the way wrote it
  };
  Kind kind = Kind::none;
  std::string words;  // for an administrator; printable ASCII
};

}  // namespace postern::backend
