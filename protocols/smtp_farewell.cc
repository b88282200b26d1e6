// See smtp_farewell.h.
#include "protocols/smtp_farewell.h"

#include "protocols/help.h"

namespace postern::protocols {

namespace {

// Whether a reply comes with help: where a client is refused for want of (newer) TLS, or by a rule.
bool is_with_help(SmtpReply reply) {
  switch (reply) {
    case SmtpReply::starttls_first:
    case SmtpReply::auth_needs_tls:
    case SmtpReply::auth_refused:
    case SmtpReply::auth_needs_certificate:
    case SmtpReply::old_tls_1_0:
    case SmtpReply::old_tls_1_1:
    case SmtpReply::old_tls_1_2:
      return true;
    default:
      return false;
  }
}

bool is_constant(SmtpReply reply) {
  return !is_with_help(reply) && smtp_text(reply).find('{') == std::string_view::npos;
}

std::string said(SmtpReply reply, const Options& options) {
  auto text = with_host(smtp_text(reply), options);
  return is_with_help(reply) ? with_help(text, options) : text;
}

}  // namespace

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
    case Farewell::old_tls_1_0:
      return SmtpReply::old_tls_1_0;
    case Farewell::old_tls_1_1:
      return SmtpReply::old_tls_1_1;
    case Farewell::old_tls_1_2:
      return SmtpReply::old_tls_1_2;
  }
  __builtin_unreachable();
}

std::string smtp_farewell(Farewell why, const Options& options) {
  return said(smtp_farewell_reply(why), options);
}

void say_smtp(SmtpReply reply, const Options& options, Steps& out) {
  if (is_constant(reply)) return out.send(Side::client, smtp_text(reply));
  out.send_made(Side::client, said(reply, options));
}

}  // namespace postern::protocols
