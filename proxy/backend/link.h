// Connecting to a backend: its servers in order, each within a time limit; by TLS where it has that.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "protocols/dialogue.h"
#include "proxy/backend/security.h"
#include "proxy/backend/tls_dial.h"
#include "proxy/net/clock.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"

namespace postern::backend {

// A backend of the settings, its host names resolved. Immutable.
struct Backend {
  std::string name;
  std::vector<net::Address> servers;  // tried in this order
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds greeting_timeout;
  std::shared_ptr<const Security> security = {};  // null: clear text
  // For the upgrade to TLS: what is spoken, and postern's own name.
  protocols::Protocol protocol = {};
  std::string hostname = {};
};

// Says in the log why there is no TLS with a server of this backend, which has security, unless that
// was said just now.
void complain(const Backend& backend, const net::Address& server, const TlsFailure& failure,
              net::Instant now);

class LinkUser {
 public:
  virtual void on_linked(net::StreamPtr stream, const net::Address& server) = 0;
  // This server's TLS failed. Others may be asked now; else on_link_failed() follows at once.
  virtual void on_tls_failed(const net::Address& server, const TlsFailure& failure) = 0;
  // No server (that is left) could be reached; `last` is the last one's error.
  virtual void on_link_failed(net::Error last) = 0;

 protected:
  ~LinkUser() = default;
};

// One search for a server that answers. Callbacks come later, never from within next(). A lack of
// descriptors or memory here is no server's fault: the same one is dialled again, as long as it might
// have taken to connect.
// Destroying it gives the search up.
class Link final : net::DialUser, net::TimerUser, TlsDialUser {
 public:
  // `backend` outlives it. With an `opening` the servers do not greet: each is told that first.
  Link(net::Dialer& dialer, const net::Clock& clock, net::TimerQueue& timers,
       const Backend& backend, LinkUser& user, std::string opening = {});
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Dials the first server, or after on_linked() the one after it (its greeting was a refusal).
  // Only while has_next().
  void next();
  bool has_next() const { return next_ < backend_.servers.size(); }
  // In on_linked(): since when the server's greeting is waited for.
  net::Instant waiting_since() const { return waiting_since_; }
  // In on_linked(): what is known of its TLS; all empty in clear text.
  const tls::ClientFacts& tls() const { return tls_; }
  // The one that was dialled last.
  const net::Address& server() const { return backend_.servers[next_ - 1]; }
  // In on_link_failed(): whether, and how, the last server's TLS was why.
  TlsFailure::Kind tls_failure() const { return tls_failure_; }

 private:
  void on_dialled(net::StreamPtr stream) override;
  void on_dial_failed(net::Error error) override;
  void on_timer() override;
  void on_secured(net::StreamPtr stream, const tls::ClientFacts& facts,
                  net::Instant since) override;
  void on_not_connected(net::Error error) override { on_dial_failed(error); }
  void on_not_secured(TlsFailure failure) override;
  void dial();

  net::Dialer& dialer_;
  const net::Clock& clock_;
  net::TimerQueue& timers_;
  const Backend& backend_;
  LinkUser& user_;
  const std::string opening_;
  std::size_t next_ = 0;  // index of the server to dial next
  net::Instant dialled_at_{};
  net::Instant give_up_at_{};
  net::Instant waiting_since_{};
  bool is_late_ = false;  // the dial is asked for a connection that has said nothing
  TlsFailure::Kind tls_failure_ = TlsFailure::Kind::none;
  tls::ClientFacts tls_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<TlsDial> tls_dial_;
  net::Timer timer_;
};

}  // namespace postern::backend
