// Sessions in memory for the guard: the proxy's real Session, with the peers, the network and the
// clock on the other side, where nothing is counted.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/session/session.h"
#include "test/support/tls_client.h"
#include "tls/keyed_hash.h"

namespace postern::bench {

// The far end of a stream of the proxy's: what a peer sees.
struct End {
  net::StreamUser* user = nullptr;  // null until attached, and once the stream is gone
  net::Stream* stream = nullptr;
  std::string received;
  bool is_shut = false;  // the proxy has ended its direction
};

// What the proxy asks of its surroundings. Any number of sessions, one at a time in a callback.
class World final : session::Host, audit::Sink, net::Dialer {
 public:
  World();
  ~World() override;

  // A session of an `implicit` IMAP listener with an ECDSA P-256 certificate, as just accepted.
  std::unique_ptr<session::Session> accept(const std::shared_ptr<End>& client);
  // The attempt to connect that waits succeeds.
  std::shared_ptr<End> answer_dial();
  // Brings bytes to the proxy as its loop does, a full read buffer at a time.
  void deliver(End& end, std::string_view bytes);
  // The peer ends its direction.
  void end(End& end);
  // Writes all events so far as lines of the audit log. Gives their number, and forgets them.
  std::size_t write_events();

 private:
  class Clock final : public net::Clock {
   public:
    net::Instant now() const override { return net::Instant(1000); }
    std::chrono::nanoseconds exact() const override { return now(); }
    std::chrono::system_clock::time_point wall() const override {
      return std::chrono::system_clock::time_point(std::chrono::hours(24) * 20'000);
    }
  };

  net::Clock& clock() override { return clock_; }
  net::TimerQueue& timers() override { return timers_; }
  net::Dialer& dialer() override { return *this; }
  audit::Sink& audit() override { return *this; }
  session::Scratch& scratch() override { return scratch_; }
  session::Remembered& remembered() override { return remembered_; }
  tls::HandshakeQueue& handshakes() override { return handshakes_; }
  std::string hash_of(std::string_view user) override { return name_hash_.hex(user); }
  void retire(session::Session&) override {}
  void record(audit::Event event) override;
  std::unique_ptr<net::Dial> dial(const net::Address& address, net::DialUser& user) override;

  Clock clock_;
  net::TimerQueue timers_;
  session::Scratch scratch_;
  session::Remembered remembered_;
  tls::KeyOffload key_offload_{0};
  tls::HandshakeQueue handshakes_{key_offload_, [] {}};
  const tls::KeyedHash name_hash_;
  std::shared_ptr<const session::Service> service_;
  net::DialUser* dialling_ = nullptr;
  std::vector<audit::Event> events_;
  std::string read_buffer_;  // shared by all streams, as in the proxy's loop
};

// One session and both of its peers. Throws where it does not go as it must: what is counted then
// would be something else.
class Visit {
 public:
  explicit Visit(World& world) : world_(world) {}

  // From accepting to the greeting, which the client has heard then; the backend is dialled on the
  // way.
  void shake_hands(const test::TlsClientOptions& options);
  // The client sends; the backend hears all of it, and nothing else.
  void say(std::string_view bytes);
  // The backend answers; the client hears all of it, and nothing else.
  void answer(std::string_view bytes);
  // Both ends close, and the session with them.
  void leave();

  const test::TlsClient& client() const { return *tls_; }

 private:
  World& world_;
  std::unique_ptr<test::TlsClient> tls_;
  std::shared_ptr<End> client_;
  std::shared_ptr<End> backend_;
  std::unique_ptr<session::Session> session_;
};

}  // namespace postern::bench
