// Why a session ended: exactly one of these, in the log as `event.reason`.
#pragma once

#include <string_view>

#include "protocols/steps.h"

namespace postern::session {

enum class EndReason {
  client_quit,          // QUIT or LOGOUT was answered
  client_closed,        // the client closed
  client_reset,         // the client's connection broke
  backend_closed,       // the backend closed
  backend_reset,        // the backend's connection broke
  backend_refused,      // its greeting was a refusal
  backend_preauth,      // its greeting was PREAUTH
  backend_unreachable,  // none of its servers could be dialled
  out_of_resources,     // it could not be dialled for want of descriptors or memory here
  backend_tls_failed,   // its TLS is not what it must be
  backend_timeout,      // it did not greet in time
  backend_protocol,     // it sent what is no reply
  response_injection,   // it sent a reply that nobody asked for
  handshake_failed,     // TLS with the client failed
  handshake_timeout,    // or took too long
  starttls_injection,   // clear text stood behind STARTTLS
  tls_on_clear_port,    // a ClientHello came where clear text was expected
  clear_on_tls_port,    // clear text came where a ClientHello was expected
  tls_error,            // TLS broke later on
  old_tls,              // its TLS was too old, and it was told so
  login_timeout,        // no login in time
  idle_timeout,         // nothing moved for too long
  drain_timeout,        // one side had ended, and the other did not in time
  line_too_long,
  bad_syntax,    // bare CR, bare LF or NUL in a command
  bare_newline,  // in a message
  too_many_errors,
  sasl_security_layer,
  too_many_connections,
  shutdown,  // postern itself ends
};

// As the log has it: the enum's own names.
std::string_view name_of(EndReason reason);

// The reason for a cause that a gate or dialogue gave. `farewell` has none of its own: the session
// knows why it asked for it.
EndReason reason_of(protocols::Cause cause, EndReason farewell);

}  // namespace postern::session
