// See pop3_gate.h. One state, until it is over:
//
//   line                          answer                 then
//   CAPA, NOOP                    +OK                    goes on
//   STLS                          +OK                    BeginTls; bytes behind it are kept
//   STLS with an argument         -ERR                   goes on
//   QUIT                          +OK                    End client_quit
//   USER, APOP, AUTH, PASS        -ERR [AUTH]            LoginRefused; goes on
//   PASS behind a refused USER    -ERR [AUTH]            goes on: it is the same try
//   any other                     -ERR                   goes on
//   the 21st -ERR, command 101    -ERR                   End too_many_errors
//   bare CR, bare LF, NUL         -ERR                   End bad_syntax
//   longer than the limit         -ERR                   Alarm, End line_too_long
#include "protocols/pop3_gate.h"

#include <utility>

#include "protocols/gate_bounds.h"
#include "protocols/sasl.h"

namespace postern::protocols {

void Pop3Gate::greet(Steps& out) { say_pop3(Pop3Reply::greeting, options_, out); }

void Pop3Gate::feed(std::string_view bytes, Steps& out) {
  if (over_) return;
  client_.open(bytes);
  while (!over_) {
    if (const auto next = client_.line()) {
      line(*next, out);
      continue;
    }
    if (client_.too_long()) {
      last_command_ = "?";
      out.add(Alarm{AlarmKind::line_too_long, "command"});
      end(Pop3Reply::line_too_long, Cause::line_too_long, out);
    }
    break;
  }
  client_.close();
}

void Pop3Gate::farewell(Farewell why, Steps& out) {
  if (!over_) end(pop3_farewell_reply(why), Cause::farewell, out);
}

void Pop3Gate::line(std::string_view line, Steps& out) {
  if (!is_clean_line(line)) {
    last_command_ = "?";
    return end(Pop3Reply::bad_syntax, Cause::bad_syntax, out);
  }
  const auto command = parse_pop3_command(line);
  last_command_ = command.name;
  order_.add(command.name);
  if (++commands_ > kMaxGateCommands) {
    return end(Pop3Reply::too_many_commands, Cause::too_many_errors, out);
  }
  switch (command.verb) {
    case Pop3Verb::capa:
      return out.send(Side::client, text_of(Pop3Reply::gate_capa));
    case Pop3Verb::noop:
      return out.send(Side::client, text_of(Pop3Reply::noop));
    case Pop3Verb::quit:
      return end(Pop3Reply::goodbye, Cause::client_quit, out);
    case Pop3Verb::stls:
      return stls(command.argument, out);
    case Pop3Verb::user:
      user_refused_ = true;
      return refuse_login(pop3_user_login(command.argument), false, out);
    case Pop3Verb::pass:
      return pass(out);
    case Pop3Verb::apop:
      return refuse_login(pop3_apop_login(command.argument), false, out);
    case Pop3Verb::auth:
      return auth(command.argument, out);
    case Pop3Verb::hidden:
    case Pop3Verb::other:
      return refuse(Pop3Reply::stls_first, out);
  }
}

void Pop3Gate::stls(std::string_view argument, Steps& out) {
  if (!argument.empty()) return refuse(Pop3Reply::stls_argument, out);
  out.send(Side::client, text_of(Pop3Reply::begin_tls));
  out.add(BeginTls{});
  over_ = true;
}

// A client that does not read the answer to USER sends its password all the same.
void Pop3Gate::pass(Steps& out) {
  if (!std::exchange(user_refused_, false)) return refuse_login(pop3_user_login({}), true, out);
  refuse(Pop3Reply::login_needs_tls, out);
}

void Pop3Gate::auth(std::string_view argument, Steps& out) {
  if (argument.empty()) return refuse(Pop3Reply::login_needs_tls, out);
  const auto auth = split_pop3_auth(argument);
  SaslExchange exchange(auth.mechanism);
  if (auth.response) exchange.response(*auth.response);
  refuse_login(exchange.login(), exchange.has_sent_secret(), out);
}

void Pop3Gate::refuse_login(Login login, bool exposed, Steps& out) {
  order_.tell(out);
  out.add(LoginRefused{std::move(login), exposed});
  refuse(Pop3Reply::login_needs_tls, out);
}

void Pop3Gate::refuse(Pop3Reply reply, Steps& out) {
  if (++refusals_ > kPop3MostRefusals) {
    return end(Pop3Reply::too_many_errors, Cause::too_many_errors, out);
  }
  say_pop3(reply, options_, out);
}

void Pop3Gate::end(Pop3Reply reply, Cause cause, Steps& out) {
  say_pop3(reply, options_, out);
  out.add(End{cause});
  client_.clear();
  over_ = true;
}

}  // namespace postern::protocols
