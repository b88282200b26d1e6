// See smtp_farewell.h.
#include "protocols/smtp_farewell.h"

namespace postern::protocols {

SmtpReply smtp_farewell_reply(Farewell why) {
  switch (why) {
    case Farewell::backend_unreachable:
      return SmtpReply::backend_unreachable;
    case Farewell::backend_lost:
      return SmtpReply::backend_lost;
    case Farewell::shutting_down:
      return SmtpReply::shutting_down;
    case Farewell::login_timeout:
      return SmtpReply::login_timeout;
    case Farewell::idle_timeout:
      return SmtpReply::idle_timeout;
    case Farewell::too_many_connections:
      return SmtpReply::too_many_connections;
    case Farewell::out_of_resources:
      return SmtpReply::out_of_resources;
    case Farewell::tls_on_clear_port:
      return SmtpReply::tls_on_clear_port;
    case Farewell::clear_on_tls_port:
      return SmtpReply::clear_on_tls_port;
  }
  __builtin_unreachable();
}

std::string smtp_farewell(Farewell why, const Options& /*options*/) {
  return std::string(smtp_text(smtp_farewell_reply(why)));
}

}  // namespace postern::protocols
