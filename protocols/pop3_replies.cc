// See pop3_replies.h.
#include "protocols/pop3_replies.h"

#include "protocols/help.h"

namespace postern::protocols {

namespace {

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kPop3Replies.size(); ++i) {
    if (kPop3Replies[i].reply != static_cast<Pop3Reply>(i)) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());

// Whether a reply comes with help: where a client is refused for want of (newer) TLS, or by a rule.
bool is_with_help(Pop3Reply reply) {
  switch (reply) {
    case Pop3Reply::login_needs_tls:
    case Pop3Reply::login_refused:
    case Pop3Reply::login_needs_certificate:
    case Pop3Reply::old_tls_1_0:
    case Pop3Reply::old_tls_1_1:
    case Pop3Reply::old_tls_1_2:
      return true;
    default:
      return false;
  }
}

std::string said(Pop3Reply reply, const Options& options) {
  auto text = with_host(text_of(reply), options);
  return is_with_help(reply) ? with_help(text, options) : text;
}

}  // namespace

Pop3Reply pop3_farewell_reply(Farewell why) {
  switch (why) {
    case Farewell::backend_unreachable:
      return Pop3Reply::backend_unreachable;
    case Farewell::backend_lost:
      return Pop3Reply::backend_lost;
    case Farewell::shutting_down:
      return Pop3Reply::shutting_down;
    case Farewell::login_timeout:
      return Pop3Reply::login_timeout;
    case Farewell::idle_timeout:
      return Pop3Reply::idle_timeout;
    case Farewell::too_many_connections:
      return Pop3Reply::too_many_connections;
    case Farewell::out_of_resources:
      return Pop3Reply::out_of_resources;
    case Farewell::tls_on_clear_port:
      return Pop3Reply::tls_on_clear_port;
    case Farewell::clear_on_tls_port:
      return Pop3Reply::clear_on_tls_port;
    case Farewell::old_tls_1_0:
      return Pop3Reply::old_tls_1_0;
    case Farewell::old_tls_1_1:
      return Pop3Reply::old_tls_1_1;
    case Farewell::old_tls_1_2:
      return Pop3Reply::old_tls_1_2;
  }
  __builtin_unreachable();
}

std::string pop3_farewell(Farewell why, const Options& options) {
  return said(pop3_farewell_reply(why), options);
}

void say_pop3(Pop3Reply reply, const Options& options, Steps& out) {
  if (reply == Pop3Reply::greeting || is_with_help(reply)) {
    out.send_made(Side::client, said(reply, options));
  } else {
    out.send(Side::client, text_of(reply));
  }
}

}  // namespace postern::protocols
