// A listener with `tls: auto`: clear text, STARTTLS and implicit TLS on one port. In all its protocols
// the server speaks first, so a client that begins with TLS must have the time to, before it is greeted.
//
// The backend is not dialled meanwhile: for a client with TLS it must not be before the handshake is
// complete, and what was dialled for it in clear would be thrown away. So the greeting comes auto_wait
// later than it would otherwise, and at once to a client that speaks first in clear.
#include <functional>
#include <string_view>

#include "proxy/session/session.h"

namespace postern::session {

namespace {

// IANA's ports: with STARTTLS inside, and RFC 8314's with TLS from the first byte.
bool is_for_clear_text(std::uint16_t port) {
  return port == 25 || port == 587 || port == 143 || port == 110;
}
bool is_for_tls(std::uint16_t port) { return port == 465 || port == 993 || port == 995; }

}  // namespace

// As long as the client has seen nothing and said nothing: later on it would take what it was told for
// a broken ServerHello.
bool Session::may_begin_tls() const {
  return terms_.recognises_tls && !has_heard_client_ && bytes_out_ == 0 && gate_ == nullptr;
}

void Session::begin_in_clear() {
  stage_began_ = host_.clock().now();
  if (terms_.tls_mode != conf::TlsMode::required) {
    enter(Event::clear);
    start_dialogue(protocols::BackendGreeting::pass);
    return;
  }
  enter(Event::required);
  gate_ = protocols::make_gate(service_->protocol, service_->options);
  gate_->greet(host_.scratch().steps);
  run_steps();
}

// The ClientHello may come late, but before the backend's greeting: what was dialled for a client in
// clear is of no use then.
void Session::begin_tls_at_once(std::string_view first_bytes) {
  dialogue_.reset();
  link_.reset();
  backend_.reset();
  server_.reset();
  server_tls_.reset();
  greeting_begin_.reset();
  security_ = policy::Security::implicit;
  terms_.tls_mode = conf::TlsMode::implicit;
  enter(state_ == State::deciding ? Event::implicit : Event::upgrade);
  stage_began_ = host_.clock().now();
  make_engine();
  take_ciphertext(first_bytes);
}

// It is served; but whoever set it up meant another port, or another listener here. Once a day for each
// client, which would otherwise fill the log with what everybody knows by then.
void Session::name_unusual_port() {
  if (!terms_.recognises_tls) return;
  const bool has_tls = security_ == policy::Security::implicit;
  const auto port = destination_.port();
  if (!(has_tls ? is_for_clear_text(port) : is_for_tls(port))) return;
  const auto& octets = source_.octets();
  std::string key(octets.begin(), octets.end());
  key += std::to_string(service_->index) + (has_tls ? " tls" : " clear");
  if (!host_.remembered().unusual.insert(std::hash<std::string>()(key), today())) return;
  audit::SessionNotice notice{session_part(), has_tls ? "tls-on-clear-port" : "clear-on-tls-port",
                              has_tls ? "served: TLS from the first byte on a port for STARTTLS"
                                      : "served: clear text on a port for TLS from the first byte"};
  notice.is_served = true;
  record(std::move(notice));
}

}  // namespace postern::session
