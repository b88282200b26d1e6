// See end_reason.h.
#include "proxy/session/end_reason.h"

namespace postern::session {

std::string_view name_of(EndReason reason) {
  switch (reason) {
    case EndReason::client_quit:
      return "client_quit";
    case EndReason::client_closed:
      return "client_closed";
    case EndReason::client_reset:
      return "client_reset";
    case EndReason::backend_closed:
      return "backend_closed";
    case EndReason::backend_reset:
      return "backend_reset";
    case EndReason::backend_refused:
      return "backend_refused";
    case EndReason::backend_preauth:
      return "backend_preauth";
    case EndReason::backend_unreachable:
      return "backend_unreachable";
    case EndReason::out_of_resources:
      return "out_of_resources";
    case EndReason::backend_tls_failed:
      return "backend_tls_failed";
    case EndReason::backend_timeout:
      return "backend_timeout";
    case EndReason::backend_protocol:
      return "backend_protocol";
    case EndReason::response_injection:
      return "response_injection";
    case EndReason::handshake_failed:
      return "handshake_failed";
    case EndReason::handshake_timeout:
      return "handshake_timeout";
    case EndReason::starttls_injection:
      return "starttls_injection";
    case EndReason::tls_on_clear_port:
      return "tls_on_clear_port";
    case EndReason::clear_on_tls_port:
      return "clear_on_tls_port";
    case EndReason::tls_error:
      return "tls_error";
    case EndReason::old_tls:
      return "old_tls";
    case EndReason::login_timeout:
      return "login_timeout";
    case EndReason::idle_timeout:
      return "idle_timeout";
    case EndReason::drain_timeout:
      return "drain_timeout";
    case EndReason::line_too_long:
      return "line_too_long";
    case EndReason::bad_syntax:
      return "bad_syntax";
    case EndReason::bare_newline:
      return "bare_newline";
    case EndReason::too_many_errors:
      return "too_many_errors";
    case EndReason::sasl_security_layer:
      return "sasl_security_layer";
    case EndReason::too_many_connections:
      return "too_many_connections";
    case EndReason::shutdown:
      return "shutdown";
  }
  __builtin_unreachable();
}

EndReason reason_of(protocols::Cause cause, EndReason farewell) {
  using protocols::Cause;
  switch (cause) {
    case Cause::client_quit:
      return EndReason::client_quit;
    case Cause::backend_refused:
      return EndReason::backend_refused;
    case Cause::backend_preauth:
      return EndReason::backend_preauth;
    case Cause::backend_closed:
      return EndReason::backend_closed;
    case Cause::backend_unreachable:
      return EndReason::backend_unreachable;
    case Cause::out_of_resources:
      return EndReason::out_of_resources;
    case Cause::backend_tls_failed:
      return EndReason::backend_tls_failed;
    case Cause::backend_timeout:
      return EndReason::backend_timeout;
    case Cause::backend_protocol:
      return EndReason::backend_protocol;
    case Cause::response_injection:
      return EndReason::response_injection;
    case Cause::line_too_long:
      return EndReason::line_too_long;
    case Cause::bad_syntax:
      return EndReason::bad_syntax;
    case Cause::bare_newline:
      return EndReason::bare_newline;
    case Cause::too_many_errors:
      return EndReason::too_many_errors;
    case Cause::sasl_security_layer:
      return EndReason::sasl_security_layer;
    case Cause::farewell:
      return farewell;
  }
  __builtin_unreachable();
}

}  // namespace postern::session
