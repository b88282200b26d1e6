// What a session needs of the worker that it lives on.
#pragma once

#include <string>
#include <string_view>

#include "protocols/steps.h"
#include "proxy/audit/log.h"
#include "proxy/net/clock.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"
#include "proxy/policy/seen_table.h"
#include "tls/handshake_queue.h"
#include "tls/octets.h"

namespace postern::session {

class Session;

// Memory that all sessions of a worker share, one callback at a time; empty between callbacks, so
// that an idle session holds no buffer.
struct Scratch {
  // More than one callback brings with the usual limits; larger ones grow, which leaves behind what
  // was there.
  static constexpr std::size_t kReserved = 256 * 1024;

  Scratch() {
    decrypted.reserve(kReserved);
    to_backend.reserve(kReserved);
  }

  protocols::Steps steps;
  tls::Octets decrypted;  // what the client's TLS records held
  std::string said;       // plain, for the client: one record for all that one callback says
  std::string to_client;  // as it goes on the wire
  std::string to_backend;
};

// What a process remembers of clients; its workers share it.
struct Remembered {
  static constexpr std::size_t kMostWarned = 65'536;
  static constexpr std::size_t kMostFingerprints = 16'384;
  static constexpr std::size_t kMostUnusual = 16'384;

  policy::SeenTable warned{kMostWarned};              // users, by day
  policy::SeenTable fingerprints{kMostFingerprints};  // whose ClientHello an event has described
  policy::SeenTable unusual{kMostUnusual};            // clients on the wrong port, by day
};

class Host {
 public:
  virtual net::Clock& clock() = 0;
  virtual net::TimerQueue& timers() = 0;
  virtual net::Dialer& dialer() = 0;
  virtual audit::Sink& audit() = 0;
  virtual Scratch& scratch() = 0;
  virtual Remembered& remembered() = 0;
  // Where its engines wait for their turn.
  virtual tls::HandshakeQueue& handshakes() = 0;
  // A keyed hash of a user name, for names that must not be kept as typed: hexadecimal.
  virtual std::string hash_of(std::string_view user) = 0;
  // The session has ended: it is to be destroyed, but not within this call.
  virtual void retire(Session& session) = 0;

 protected:
  ~Host() = default;
};

}  // namespace postern::session
