// One attempt to reach a server by TLS: connecting, where it is to be the upgrade in clear, the
// handshake. What comes of it is a stream like any other.
//
//   implicit   dialling (the ClientHello is its opening) -> handshake -> greeting -> done
//   starttls   dialling -> upgrade (its greeting first)  -> handshake -------------> done
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "protocols/backend_upgrade.h"
#include "proxy/backend/security.h"
#include "proxy/backend/tls_stream.h"
#include "proxy/net/clock.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"

namespace postern::backend {

struct Backend;

// Gets one callback, never from within the dial's making. It may destroy the dial.
class TlsDialUser {
 public:
  // What the server says first follows at once. `since`: when its greeting was waited for from.
  virtual void on_secured(net::StreamPtr stream, const tls::ClientFacts& facts,
                          net::Instant since) = 0;
  // The connection came to nothing, as DialUser::on_dial_failed() says it.
  virtual void on_not_connected(net::Error error) = 0;
  // TLS did.
  virtual void on_not_secured(TlsFailure failure) = 0;

 protected:
  ~TlsDialUser() = default;
};

// Has its own time limits: connect_timeout up to the end of the handshake, where greeting_timeout is
// waited for a greeting in clear in between; greeting_timeout for the one under TLS, behind which the
// stream is handed over without it. Destroying it gives the attempt up.
class TlsDial final : net::DialUser, net::StreamUser, net::TimerUser {
 public:
  // All outlive it. `server` is an index into the backend's servers.
  TlsDial(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
          const Backend& backend, std::size_t server, TlsDialUser& user);
  TlsDial(const TlsDial&) = delete;
  TlsDial& operator=(const TlsDial&) = delete;

 private:
  enum class Phase { dialling, upgrade, handshake, greeting };

  void on_dialled(net::StreamPtr stream) override;
  void on_dial_failed(net::Error error) override;
  void on_read(net::Stream& stream, std::span<char> bytes) override;
  void on_end(net::Stream& stream) override;
  void on_broken(net::Stream& stream, net::Error error) override;
  void on_written(net::Stream&) override {}
  void on_timer() override;

  void take_upgrade(std::string_view bytes);
  void fail_upgrade();
  void take_handshake(std::string_view bytes);
  void secure(std::span<char> plain);
  void hand_over(std::span<char> bytes);
  void fail(TlsFailure::Kind kind, std::string_view words);
  void lose(std::string_view words);

  const net::Clock& clock_;
  const Backend& backend_;
  TlsDialUser& user_;
  Phase phase_ = Phase::dialling;
  const net::Instant began_;
  net::Instant waiting_since_;
  std::unique_ptr<tls::ClientEngine> engine_;           // until there is a secured stream
  std::unique_ptr<protocols::BackendUpgrade> upgrade_;  // null with implicit TLS
  net::StreamPtr stream_;                               // in clear, until it is part of the other
  TlsStream* secured_ = nullptr;
  net::StreamPtr held_;  // the same, until it is handed over
  net::Timer timer_;
  std::unique_ptr<net::Dial> dial_;
};

}  // namespace postern::backend
