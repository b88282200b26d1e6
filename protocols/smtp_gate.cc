// See smtp_gate.h.
#include "protocols/smtp_gate.h"

#include <string>

#include "protocols/gate_bounds.h"
#include "protocols/sasl.h"
#include "protocols/smtp_login.h"

namespace postern::protocols {

SmtpGate::SmtpGate(const Options& options) : options_(options), in_(options.line_length) {}

void SmtpGate::greet(Steps& out) { say(SmtpReply::greeting, out); }

void SmtpGate::feed(std::string_view bytes, Steps& out) {
  if (phase_ == Phase::over) return;
  in_.open(bytes);
  if (phase_ == Phase::commands) take_lines(out);
  in_.close();
}

void SmtpGate::take_lines(Steps& out) {
  while (phase_ == Phase::commands) {
    if (const auto line = in_.line()) {
      if (is_clean_line(*line)) {
        answer(*line, out);
      } else {
        last_ = "?";
        finish(SmtpReply::bad_syntax, Cause::bad_syntax, out);
      }
    } else if (in_.too_long()) {
      out.add(Alarm{AlarmKind::line_too_long, "command"});
      finish(SmtpReply::line_too_long, Cause::line_too_long, out);
    } else {
      return;
    }
  }
}

void SmtpGate::answer(std::string_view line, Steps& out) {
  static const std::set<std::string, std::less<>> kNoneHidden;  // here all of them get 530
  const auto command = parse_smtp_command(line, kNoneHidden);
  last_ = command.name;
  if (++commands_ > kMaxGateCommands) {
    return finish(SmtpReply::too_many_commands, Cause::too_many_errors, out);
  }
  switch (command.verb) {
    case SmtpVerb::ehlo:
    case SmtpVerb::helo:
      add_client_name(command.argument, out);
      return say(command.verb == SmtpVerb::ehlo ? SmtpReply::ehlo : SmtpReply::helo, out);
    case SmtpVerb::noop:
    case SmtpVerb::rset:
      return say(SmtpReply::ok, out);
    case SmtpVerb::help:
      return say(SmtpReply::help, out);
    case SmtpVerb::quit:
      return finish(SmtpReply::bye, Cause::client_quit, out);
    case SmtpVerb::starttls:
      return start_tls(command.argument, out);
    case SmtpVerb::auth:
      return refuse_login(command.argument, out);
    default:
      return refuse(SmtpReply::starttls_first, out);
  }
}

void SmtpGate::start_tls(std::string_view argument, Steps& out) {
  if (!argument.empty()) return refuse(SmtpReply::starttls_argument, out);
  say(SmtpReply::go_ahead, out);
  phase_ = Phase::tls;
  out.add(BeginTls{});
}

void SmtpGate::refuse_login(std::string_view argument, Steps& out) {
  const auto words = smtp_words(argument);
  if (!words.first.empty()) {
    SaslExchange exchange(words.first);
    if (!words.rest.empty()) exchange.response(sasl_text(words.rest));
    out.add(LoginRefused{exchange.login(), exchange.has_sent_secret()});
  }
  refuse(SmtpReply::starttls_first, out);
}

void SmtpGate::refuse(SmtpReply reply, Steps& out) {
  if (++refused_ > kMaxRefusedCommands) {
    return finish(SmtpReply::too_many_errors, Cause::too_many_errors, out);
  }
  say(reply, out);
}

void SmtpGate::say(SmtpReply reply, Steps& out) { say_smtp(reply, options_, out); }

void SmtpGate::finish(SmtpReply reply, Cause cause, Steps& out) {
  phase_ = Phase::over;
  in_.clear();
  say(reply, out);
  out.add(End{cause});
}

void SmtpGate::farewell(Farewell why, Steps& out) {
  if (phase_ != Phase::commands) return;
  finish(smtp_farewell_reply(why), Cause::farewell, out);
}

std::string SmtpGate::take_rest() { return in_.take_rest(); }

}  // namespace postern::protocols
