// What backends greet with, where that is known for sure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dialogue.h"
#include "proxy/backend/link.h"
#include "proxy/net/clock.h"

namespace postern::backend {

// Remembers the greetings of servers, so that a client can be greeted in its server's words before
// anything is dialled: for a connection that never says anything the old server need not be
// troubled. A greeting is known once a server has given it, and no other, for kSteady: those of
// Exchange, Exim and Sendmail have the time in them, to the second, and who was greeted with the last
// second's could not be served. And it is known only for a moment after it was given, since a server
// may go down. Belongs to one worker.
class KnownGreetings {
 public:
  static constexpr net::Instant kFresh{1000};
  static constexpr net::Instant kSteady{2000};
  static constexpr std::size_t kLongest = 512;  // octets, its CRLF included

  // What the backend would say now; null: it must be asked. Never for a backend of several servers,
  // since which of them answers shows only when they are dialled.
  std::shared_ptr<const std::string> of(const Backend& backend, net::Instant now);
  // The backend has said this, and perhaps more, before anything was said to it. Only one line of
  // welcome is learnt.
  void learn(protocols::Protocol protocol, const Backend& backend, std::string_view said,
             net::Instant now);
  // It has failed or hung up: it must say it again.
  void doubt(const Backend& backend);
  // It said something else, or nobody knows what.
  void forget(const Backend& backend);

 private:
  struct Known {
    net::Address server;
    std::shared_ptr<const std::string> greeting;
    net::Instant first_at;
    std::optional<net::Instant> last_at;  // none: the server has failed since
  };
  Known* find(const Backend& backend);

  std::vector<Known> all_;  // one a server: a handful
};

}  // namespace postern::backend
