// See pop3_replies.h.
#include "protocols/pop3_replies.h"

namespace postern::protocols {

namespace {

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kPop3Replies.size(); ++i) {
    if (kPop3Replies[i].reply != static_cast<Pop3Reply>(i)) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());

constexpr std::size_t kLongestHost = 255;  // RFC 1035 section 3.1

}  // namespace

std::string pop3_greeting(const Options& options) {
  constexpr std::string_view kHost = "{host}";
  std::string line(text_of(Pop3Reply::greeting));
  line.replace(line.find(kHost), kHost.size(), options.hostname.substr(0, kLongestHost));
  return line;
}

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
  }
  __builtin_unreachable();
}

std::string pop3_farewell(Farewell why, const Options& /*options*/) {
  return std::string(text_of(pop3_farewell_reply(why)));
}

}  // namespace postern::protocols
