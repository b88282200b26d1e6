// One session in a world that the test plays: its client, its backend, its clock.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/session/session.h"
#include "test/support/fake_net.h"
#include "test/support/tls_client.h"
#include "tls/client_certificate.h"
#include "tls/credentials.h"
#include "tls/key_offload.h"

namespace postern::test {

// What a test sets; the rest is the default of the settings.
struct WorldOptions {
  conf::TlsMode mode = conf::TlsMode::required;
  protocols::Protocol protocol = protocols::Protocol::imap;
  conf::CleartextLogin cleartext_login = conf::CleartextLogin::observe;
  std::size_t servers = 1;
  std::size_t legacy_servers = 0;  // with any of them it splices
  std::size_t line_length = 64 * 1024;
  std::string source = "192.0.2.7";
  tls::PemPair key = {};  // the certificate and its key; empty: of one made with ECDSA
  // The rest of the settings: rules, audit, the one listener …
  std::function<void(conf::Settings&)> adjust = {};
  std::optional<session::Forwarded> forwarded = std::nullopt;
  // The backend's TLS; null: clear text.
  std::shared_ptr<const backend::Security> security = nullptr;
  // Whose clients' certificates are asked for; null: none are.
  std::shared_ptr<const tls::ClientAuthority> client_authority = nullptr;
  // What earlier sessions left with the process; null: nothing.
  std::shared_ptr<session::Remembered> remembered = nullptr;
};

class SessionWorld final : session::Host, audit::Sink {
 public:
  explicit SessionWorld(const WorldOptions& options);
  ~SessionWorld() override;

  // Begins the session: as if it had been accepted.
  void begin();
  // Moves the clock, and lets the timers ring that are due.
  void pass(net::Instant time);
  // Moves the date alone.
  void jump(net::Instant time) { clock_.jump(time); }
  void shut_down() { session_->shut_down(); }
  // Takes the session away, as it is.
  void destroy() { session_.reset(); }
  // The worker's turn, before it waits; true where it would not wait.
  bool take_turn() { return handshakes_.take_turn(); }
  // Makes the signature that is waited for; false where none is.
  bool sign() { return key_offload_.sign_next(); }
  // Turns and signatures until there are no more.
  void settle();
  tls::HandshakeQueue& handshakes() override { return handshakes_; }
  // From now on the audit cannot be written, or can.
  void break_audit(bool is_broken) { is_audit_broken_ = is_broken; }

  // The client's bytes in clear, and what came back since the last call.
  void say(std::string_view bytes) { client_->send(bytes); }
  std::string hear() { return client_->take(); }
  // The client's TLS: begins the handshake and finishes it; afterwards both of these are encrypted.
  void shake_hands(const TlsClientOptions& options = {});
  void say_in_tls(std::string_view bytes);
  std::string hear_in_tls();

  // The dial succeeds, and the backend speaks.
  void connect() { backend_ = dialer_.succeed(); }
  std::shared_ptr<FakePeer> shared_backend() { return backend_; }
  void greet(std::string_view greeting) {
    connect();
    backend_->send(greeting);
  }

  FakePeer& client() { return *client_; }
  const FakePeer& client() const { return *client_; }
  FakePeer& backend() { return *backend_; }
  FakeDialer& dialer() override { return dialer_; }
  TlsClient& tls() { return *tls_; }
  const session::Scratch& memory() const { return scratch_; }
  bool is_over() const { return is_retired_; }
  bool has_timer() const { return timers_.next().has_value(); }
  // A timer that is due all the time would let the loop spin.
  bool has_due_timer() const { return has_timer() && *timers_.next() <= clock_.now(); }

  // The events so far, their actions in order ("login success", "session-end client_quit" …).
  const std::vector<std::string>& events() const;
  // The same as the audit log has them.
  const std::vector<std::string>& lines() const { return lines_; }
  // The one end reason; "" while there is none.
  std::string end_reason() const;
  const audit::Event& last_event() const { return recorded_.back(); }
  // All events of one kind.
  template <class Kind>
  std::vector<Kind> recorded() const {
    std::vector<Kind> found;
    for (const auto& event : recorded_) {
      if (const auto* one = std::get_if<Kind>(&event.body)) found.push_back(*one);
    }
    return found;
  }
  // As events name a user whose name they hide.
  static std::string hash_text(std::string_view user);

 private:
  net::Clock& clock() override { return clock_; }
  net::TimerQueue& timers() override { return timers_; }
  audit::Sink& audit() override { return *this; }
  session::Scratch& scratch() override { return scratch_; }
  session::Remembered& remembered() override { return *remembered_; }
  std::string hash_of(std::string_view user) override { return hash_text(user); }
  void retire(session::Session&) override { is_retired_ = true; }
  void record(audit::Event event) override;
  bool is_failing() const override { return is_audit_broken_; }

  FakeClock clock_;
  tls::KeyOffload key_offload_{0};
  tls::HandshakeQueue handshakes_{key_offload_, [] {}};
  net::TimerQueue timers_;
  FakeDialer dialer_;
  session::Scratch scratch_;
  std::shared_ptr<session::Remembered> remembered_;
  std::shared_ptr<session::Service> service_;
  std::shared_ptr<FakePeer> client_;
  std::shared_ptr<FakePeer> backend_;
  std::unique_ptr<TlsClient> tls_;
  std::unique_ptr<session::Session> session_;
  const net::Address source_;
  const std::optional<session::Forwarded> forwarded_;
  std::vector<std::string> lines_;
  mutable std::vector<std::string> events_;  // of lines_, made when somebody asks
  std::vector<audit::Event> recorded_;
  bool is_retired_ = false;
  bool is_audit_broken_ = false;
};

}  // namespace postern::test
