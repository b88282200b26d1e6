// One accepted client with its backend, from accept to its one end.
//
// Every callback only takes in what happened and then calls advance(), which alone decides what is
// written, read and timed next. Bytes run
//
//   client stream -> TLS engine -> gate | dialogue | (passthrough) -> backend stream, and back.
//
// The states stand in states.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/backend/link.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"
#include "proxy/policy/policy.h"
#include "proxy/session/end_reason.h"
#include "proxy/session/host.h"
#include "proxy/session/service.h"
#include "proxy/session/states.h"
#include "tls/engine.h"

namespace postern::session {

// A connection that a balancer passes on, and of which its PROXY header tells.
struct Forwarded {
  net::Address balancer;
  net::Address destination;  // the address that the client reached
};

// Single-threaded: lives on its worker's loop. Its host destroys it after retire().
class Session final : net::StreamUser, net::TimerUser, backend::LinkUser, tls::HandshakeUser {
 public:
  // `host` outlives it. `source` is the client's address; `id` is unique on this node. `forwarded`
  // where `client` is a balancer's connection.
  Session(Host& host, std::shared_ptr<const Service> service, const net::Address& source,
          net::StreamPtr client, std::string id,
          const std::optional<Forwarded>& forwarded = std::nullopt);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The first call: greets, dials or awaits the handshake.
  void begin();
  // Ends it politely where the protocol has words for it at this point, else at once.
  void shut_down();

  const net::Address& client_address() const { return source_; }
  State state() const { return state_; }

 private:
  enum class Manner { polite, cut };  // with close_notify, or without: the client must know
  enum class Exposure { none, secret };
  enum class Naming { typed, hashed };  // how an event names the user

  // What holds for this client from its first byte on.
  struct Terms {
    conf::TlsMode tls_mode{};  // where TLS is recognised: of clear text, until it was
    TlsTerms tls;
    conf::BareNewlines bare_newlines{};
    bool recognises_tls = false;  // clear text and TLS on one port
    bool may_splice = false;      // what is not served goes to the backend's own TLS
    std::string_view opened_by;  // the rule that opens what the listener keeps shut; "" without one
  };
  // A login between its first word and the backend's answer.
  struct Attempt {
    policy::Decision decision;
    protocols::Verdict verdict{};  // as the dialogue is told: a warning is given once a day
    std::chrono::nanoseconds tried_at{};
  };

  // What happened.
  void on_read(net::Stream& stream, std::span<char> read) override;
  void on_end(net::Stream& stream) override;
  void on_broken(net::Stream& stream, net::Error error) override;
  void on_written(net::Stream& stream) override;
  void on_timer() override;
  void on_linked(net::StreamPtr stream, const net::Address& server) override;
  void on_tls_failed(const net::Address& server, const backend::TlsFailure& failure) override;
  void on_link_failed(net::Error last) override;
  void on_turn() override;

  // The client's way in.
  void take_cleartext(std::string_view bytes);
  void take_ciphertext(std::string_view bytes);
  void take_plaintext(std::string_view bytes);
  void take_client_end();
  // The backend's.
  void take_backend(std::string_view bytes);
  void take_backend_end(protocols::Ending how = protocols::Ending::closed);
  void take_backend_loss(protocols::Ending how = protocols::Ending::closed);
  bool try_next_server(std::string_view bytes);
  void dial_next_server();
  void give_up_backend(protocols::Ending how);

  // Clear text and TLS on one port, in session_auto.cc.
  bool may_begin_tls() const;
  void begin_in_clear();
  void begin_tls_at_once(std::string_view first_bytes);
  void name_unusual_port();

  // To the backend's own TLS, and hellos in SSLv2's format, in session_splice.cc.
  bool may_splice() const;
  bool keep_first_flight(std::string_view& bytes, std::string& whole);
  bool take_sslv2_hello(const tls::Offer& offer);
  void give_up_splicing();
  void splice(const tls::Offer& offer);

  // The stages.
  void make_dialogue(protocols::BackendGreeting greeting);
  void start_dialogue(protocols::BackendGreeting greeting);
  void make_engine();
  void start_handshake(std::string_view first_bytes);
  void handshake_done();
  void refuse_old_tls(protocols::BackendGreeting greeting);
  void handshake_failed(std::string_view bytes);
  void run_steps();
  void take(const protocols::Send& step);
  void take(const protocols::Shut& step);
  void take(const protocols::LoginTried& step);
  void take(const protocols::LoginAnswered& step);
  void take(const protocols::LoginRefused& step);
  void take(const protocols::ClientNamed& step);
  void take(const protocols::MailBegun& step);
  void take(const protocols::Alarm& step);
  void take(const protocols::BeginTls& step);
  void take(const protocols::PassThrough& step);
  void take(const protocols::End& step);

  // The end.
  void say_farewell(protocols::Farewell why, EndReason reason);
  void say_in_clear(protocols::Farewell why);
  void end(EndReason reason, Manner manner);
  void close();

  // The one decision point.
  void advance();
  void flush();
  void seal();
  void send();
  void shut_client();
  void set_reading();
  bool may_read_client() const;
  bool may_read_backend() const;
  void set_timer();
  std::optional<net::Instant> deadline() const;
  void overdue();
  void enter(Event event);

  // The policy, in session_policy.cc.
  void admit();
  bool offers_logins() const;
  bool borrows_certificate(const protocols::Login& login) const;
  bool must_not_pass_unrecorded() const;
  policy::Question question_about(policy::Name name, std::string_view user = {}) const;
  std::uint64_t warning_key(const protocols::Login& login) const;
  policy::SeenTable::Period today() const;

  // Events, in session_events.cc.
  void record(audit::EventBody body);
  void record_login(const protocols::Login& login, protocols::Outcome outcome,
                    const Attempt& attempt);
  void record_refused(const protocols::Login& login, const policy::Decision& decision,
                      Exposure exposure);
  void record_handshake();
  void record_handshake_failed(std::string_view reason);
  void record_handshake_failed(std::string_view reason, const tls::Offer* offer,
                               const tls::Lack& lack);
  void record_spliced(const tls::Offer& offer);
  std::shared_ptr<const audit::Hello> take_new_hello();
  std::uint64_t fingerprint_key() const;
  bool has_begun_tls() const;
  bool is_abandoned(EndReason reason) const;
  void record_end(EndReason reason);
  void notice(std::string_view action, std::string_view reason);
  void notice_backend_tls(std::string_view words);
  audit::SessionPart session_part() const;
  audit::LoginPart login_part(const protocols::Login& login, Exposure exposure,
                              Naming naming) const;

  Host& host_;
  const std::shared_ptr<const Service> service_;
  const std::string id_;
  const net::Address source_;
  const net::Address destination_;
  const std::optional<net::Address> forwarded_by_;
  const std::chrono::nanoseconds accepted_at_;
  net::Timer timer_;

  net::StreamPtr client_;
  net::StreamPtr backend_;
  std::unique_ptr<backend::Link> link_;
  std::unique_ptr<tls::Engine> engine_;
  std::unique_ptr<protocols::Gate> gate_;
  std::unique_ptr<protocols::Dialogue> dialogue_;
  std::unique_ptr<protocols::Passage> passage_;  // in passthrough, in the dialogue's place

  State state_ = State::accepted;
  policy::Security security_ = policy::Security::cleartext;
  net::Instant stage_began_{};  // of the gate, the handshake, the wait for the greeting or login
  net::Instant last_activity_{};
  std::optional<audit::Server> server_;           // once dialled
  std::unique_ptr<audit::ServerTls> server_tls_;  // null in clear text
  std::unique_ptr<std::string> greeting_begin_;   // while it may be a refusal, and others are left
  Terms terms_;
  // What the client has sent, until its ClientHello is known to be served, or not to be in SSLv2's
  // format; null where it would neither be handed on nor be such a one.
  std::unique_ptr<std::string> first_flight_;
  std::unique_ptr<Attempt> attempt_;  // null in between, so that an idle session holds nothing
  std::string client_name_;
  std::string_view client_named_by_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::size_t thrown_away_ = 0;
  EndReason farewell_reason_ = EndReason::shutdown;

  bool has_greeted_ = false;       // the backend
  bool has_settled_ = false;       // logged in, or mail has begun: the idle timeout holds
  bool has_logged_in_ = false;     // once, be it before an upgrade
  bool has_mailed_ = false;        // likewise
  bool has_heard_client_ = false;  // any byte at all
  bool ends_line_ = true;          // in clear: what the client sent last
  bool has_said_ = false;          // something to the client, in these steps
  bool is_upgrading_ = false;      // the go-ahead is on its way, then the handshake begins
  bool is_leaving_ = false;        // what the client said last may be its farewell
  bool is_overdue_ = false;        // it ended because a time was up: the client has had its time
  bool client_ended_ = false;
  bool backend_ended_ = false;
  bool shut_client_ = false;  // wanted once all is delivered
  bool shut_backend_ = false;
  bool is_client_shut_ = false;  // done
  bool is_backend_shut_ = false;
  bool is_client_clogged_ = false;  // its queue was full and has not been emptied since
  bool is_backend_clogged_ = false;
};

}  // namespace postern::session
