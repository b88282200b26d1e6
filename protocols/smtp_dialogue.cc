// The dialogue's face, and its client's side. See smtp_dialogue.h.
#include "protocols/smtp_dialogue.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "protocols/smtp_farewell.h"
#include "protocols/smtp_gate.h"
#include "protocols/smtp_login.h"

namespace postern::protocols {

SmtpDialogue::SmtpDialogue(const Options& options, const Conditions& conditions)
    : options_(options),
      conditions_(conditions),
      in_(options.line_length),
      replies_(kMaxReplyLine),
      outstanding_{Outstanding{Awaited::greeting}},
      body_(conditions.bare_newlines) {}

SmtpDialogue::~SmtpDialogue() { wipe(held_line_); }

void SmtpDialogue::refuse_service(Farewell why, Steps& out) {
  outstanding_.clear();
  no_backend(smtp_farewell(why, options_), Cause::farewell, out);
}

void SmtpDialogue::feed(Side from, std::string_view bytes, Steps& out) {
  auto& buffer = from == Side::client ? in_ : replies_;
  fed_ = bytes;
  buffer.open(bytes);
  run(out);
  fed_ = {};
}

// What each call comes down to: as long as something moves, the client's octets first. In the end
// what is left of the piece is kept.
void SmtpDialogue::run(Steps& out) {
  while (running() && (step_client(out) || end_client(out) || step_backend(out))) {
  }
  in_.close();
  replies_.close();
}

bool SmtpDialogue::running() const {
  return phase_ != Phase::over && phase_ != Phase::verdict_on_start &&
         phase_ != Phase::verdict_on_response;
}

bool SmtpDialogue::wants(Side side) const {
  if (!running()) return false;
  if (side == Side::backend) return phase_ != Phase::words;
  switch (phase_) {
    case Phase::command:
      return outstanding_.size() < kMaxOutstanding;
    case Phase::reply:  // what comes before DATA's reply is known by its first octet
      return in_.empty() && outstanding_.back().what == Awaited::data;
    case Phase::response:
    case Phase::message:
    case Phase::chunk:
    case Phase::skipped_chunk:
    case Phase::words:
      return true;
    default:
      return false;
  }
}

bool SmtpDialogue::step_client(Steps& out) {
  switch (phase_) {
    case Phase::command:
      return take_command(out);
    case Phase::response:
      return take_response(out);
    case Phase::message:
      return take_message(out);
    case Phase::chunk:
    case Phase::skipped_chunk:
      return take_chunk(out);
    case Phase::upgrade:
      return take_upgrade(out);
    case Phase::words:
      return take_words(out);
    default:
      return false;
  }
}

bool SmtpDialogue::take_command(Steps& out) {
  if (outstanding_.size() >= kMaxOutstanding || in_.empty()) return false;
  // The four octets of a length, at most 16 MiB, begin a SASL buffer (RFC 4422 3.7).
  if (std::exchange(layer_may_begin_, false) && static_cast<unsigned char>(in_.peek()[0]) <= 1) {
    end(Cause::sasl_security_layer, out);
    return true;
  }
  const auto line = take_line(out);
  if (line) obey(*line, out);
  return line || phase_ != Phase::command;
}

// Takes a line that may be passed on. None: it has not ended yet, or the session is ending.
std::optional<std::string_view> SmtpDialogue::take_line(Steps& out) {
  if (const auto line = in_.line()) {
    if (is_clean_line(*line)) return line;
    last_ = "?";
    finish(SmtpReply::bad_syntax, Cause::bad_syntax, out);
  } else if (in_.too_long()) {
    out.add(Alarm{AlarmKind::line_too_long, "command"});
    finish(SmtpReply::line_too_long, Cause::line_too_long, out);
  }
  return std::nullopt;
}

void SmtpDialogue::obey(std::string_view line, Steps& out) {
  const auto command = parse_smtp_command(line, options_.hidden_verbs);
  last_ = command.name;
  // What a client sent behind a refused AUTH without waiting may be a password: it must not reach
  // the backend as a command. Behind a refused DATA it is a message, in which some line may look
  // like a command. Servers differ in what they do about an empty line.
  const bool is_known = command.verb != SmtpVerb::unknown;
  if (after_message_ && !is_known) return finish(SmtpReply::early_message, Cause::bad_syntax, out);
  const bool empty = line.find_first_not_of(" \t\r\n") == std::string_view::npos;
  if ((after_refusal_ && !is_known) || empty) return refuse(SmtpReply::unrecognized, out);
  after_refusal_ = after_message_ = false;
  switch (command.verb) {
    case SmtpVerb::hidden:
      out.add(Alarm{AlarmKind::hidden_verb, std::string(command.name)});
      return refuse(SmtpReply::not_implemented, out);
    case SmtpVerb::starttls:
      return start_upgrade(command.argument, out);
    case SmtpVerb::auth:
      return start_login(line, command.argument, out);
    case SmtpVerb::bdat:
      return start_chunk(line, out);
    case SmtpVerb::ehlo:
    case SmtpVerb::helo:
      add_client_name(command.argument, out);
      return pass(line, command.verb == SmtpVerb::ehlo ? Awaited::ehlo : Awaited::helo, out);
    case SmtpVerb::data:
      return pass(line, Awaited::data, out);
    case SmtpVerb::quit:
      return pass(line, Awaited::quit, out);
    case SmtpVerb::mail:
      return pass(line, Awaited::mail, out);
    case SmtpVerb::rcpt:
    case SmtpVerb::rset:
    case SmtpVerb::noop:
      return pass(line, Awaited::plain, out);
    case SmtpVerb::help:
    case SmtpVerb::known:
    case SmtpVerb::unknown:
      return pass(line, Awaited::blocking, out);
  }
}

// Commands that RFC 2920 3.1 wants last in their group, and those that it does not know, hold up
// what comes behind them: a refusal must not turn it into something else.
void SmtpDialogue::pass(std::string_view line, Awaited what, Steps& out) {
  forward(Side::backend, line, out);
  outstanding_.push_back({what});
  if (what != Awaited::mail && what != Awaited::plain) phase_ = Phase::reply;
}

void SmtpDialogue::start_login(std::string_view line, std::string_view argument, Steps& out) {
  const auto words = smtp_words(argument);
  if (words.first.empty()) return refuse(SmtpReply::auth_argument, out);
  exchange_.emplace(words.first);
  if (!words.rest.empty()) exchange_->response(sasl_text(words.rest));
  hold(line, Phase::verdict_on_start, out);
}

// Keeps a line of a login until it is judged.
void SmtpDialogue::hold(std::string_view line, Phase until, Steps& out) {
  held_line_ = line;
  phase_ = until;
  out.add(LoginTried{exchange_->login(), exchange_->has_sent_secret(), exchange_->name_follows(),
                     exchange_->hides_name()});
}

bool SmtpDialogue::take_response(Steps& out) {
  const auto line = take_line(out);
  if (!line) return phase_ != Phase::response;
  if (*line == "*\r\n") {  // the client gives up (RFC 4954 4)
    pass(*line, Awaited::given_up, out);
    return true;
  }
  const bool is_new = exchange_->response(without_newline(*line));
  if (is_new || conditions_.judging == Judging::each_piece) {
    hold(*line, Phase::verdict_on_response, out);
  } else {
    pass(*line, Awaited::auth, out);
  }
  return true;
}

void SmtpDialogue::decide(Verdict verdict, Steps& out) {
  const bool started = phase_ == Phase::verdict_on_response;
  warns_ = verdict == Verdict::warn && conditions_.transport == Transport::cleartext;
  verdict_ = verdict;
  if (!is_refusal(verdict)) {
    pass(held_line_, Awaited::auth, out);
  } else if (started) {
    pass("*\r\n", Awaited::cancelled, out);
  } else {
    phase_ = Phase::command;
    refuse_login(out);
  }
  wipe(held_line_);
  run(out);
}

SmtpReply SmtpDialogue::login_refusal() const {
  if (verdict_ == Verdict::unavailable) return SmtpReply::auth_unavailable;
  if (verdict_ == Verdict::never) return SmtpReply::auth_refused;
  if (conditions_.transport != Transport::tls) return SmtpReply::auth_needs_tls;
  return verdict_ == Verdict::needs_certificate ? SmtpReply::auth_needs_certificate
                                                : SmtpReply::auth_refused;
}

void SmtpDialogue::refuse_login(Steps& out) {
  exchange_.reset();
  after_refusal_ = true;
  refuse(login_refusal(), out);
}

void SmtpDialogue::start_upgrade(std::string_view argument, Steps& out) {
  if (conditions_.transport == Transport::tls) return refuse(SmtpReply::starttls_active, out);
  if (conditions_.upgrade == Upgrade::not_offered) return refuse(SmtpReply::not_implemented, out);
  if (!argument.empty()) return refuse(SmtpReply::starttls_argument, out);
  phase_ = Phase::upgrade;
}

bool SmtpDialogue::take_upgrade(Steps& out) {
  if (!outstanding_.empty()) return false;
  out.send(Side::client, smtp_text(SmtpReply::go_ahead));
  phase_ = Phase::over;
  out.add(BeginTls{});
  return true;
}

// A backend that never offered CHUNKING need not know that octets follow, and would take them for
// commands: there postern reads and drops them itself.
void SmtpDialogue::start_chunk(std::string_view line, Steps& out) {
  const auto size = parse_bdat(line);
  if (!size) return finish(SmtpReply::bad_chunk, Cause::bad_syntax, out);
  chunk_left_ = *size;
  if (chunking_) {
    pass(line, Awaited::plain, out);
    if (chunk_left_ > 0) phase_ = Phase::chunk;
  } else {
    if (chunk_left_ > 0) phase_ = Phase::skipped_chunk;
    refuse(SmtpReply::bdat_not_offered, out);
  }
}

bool SmtpDialogue::take_chunk(Steps& out) {
  const auto run_of_octets = in_.take(chunk_left_);
  if (run_of_octets.empty()) return false;
  if (phase_ == Phase::chunk) forward(Side::backend, run_of_octets, out);
  chunk_left_ -= run_of_octets.size();
  if (chunk_left_ == 0) phase_ = Phase::command;
  return true;
}

bool SmtpDialogue::take_message(Steps& out) {
  const auto piece = in_.peek();
  if (piece.empty()) return false;
  const auto scan = body_.scan(piece);
  if (scan.owed_cr) out.send(Side::backend, "\r");
  forward(Side::backend, piece.substr(0, scan.passed), out);
  if (scan.found == SmtpBody::Found::bare_newline) {
    out.add(Alarm{AlarmKind::smuggling, "bare newline in a message"});
    finish(SmtpReply::bare_newline, Cause::bare_newline, out);
    return true;
  }
  in_.take(scan.taken);
  if (scan.found == SmtpBody::Found::end) {
    outstanding_.push_back({Awaited::plain});
    phase_ = Phase::command;
  }
  return true;
}

// The backend was gone before the client said its first word: now it has asked for an answer.
bool SmtpDialogue::take_words(Steps& out) {
  if (!in_.line() && !in_.too_long()) return false;
  out.send_made(Side::client, std::move(held_reply_));
  end(words_cause_, out);
  return true;
}

// A refusal of postern's own: in its turn.
void SmtpDialogue::refuse(SmtpReply reply, Steps& out) {
  if (++refused_ > kMaxRefusedCommands) {
    return finish(SmtpReply::too_many_errors, Cause::too_many_errors, out);
  }
  outstanding_.push_back({Awaited::own, reply});
  say_own(out);
}

// The last reply, in its turn; what the client sends from now on is not looked at.
void SmtpDialogue::finish(SmtpReply reply, Cause cause, Steps& out) {
  in_.clear();
  phase_ = Phase::last_words;
  outstanding_.push_back({Awaited::last_words, reply, cause});
  say_own(out);
}

void SmtpDialogue::ended(Side side, Ending how, Steps& out) {
  if (phase_ == Phase::over) return;
  if (side == Side::client) {
    client_ended_ = true;
    return run(out);
  }
  if (phase_ == Phase::words) return;
  if (phase_ == Phase::last_words && !mid_reply_) {
    const auto last = outstanding_.back();
    say_smtp(last.own, options_, out);
    return end(last.cause, out);
  }
  const bool greeted = phase_ != Phase::greeting;
  const auto reply = greeted ? SmtpReply::backend_lost : SmtpReply::backend_unreachable;
  switch (how) {
    case Ending::closed:
      backend_failed(reply, Cause::backend_closed, out);
      break;
    case Ending::unreachable:
      backend_failed(reply, Cause::backend_unreachable, out);
      break;
    case Ending::refused:
      backend_failed(reply, Cause::backend_refused, out);
      break;
    case Ending::not_secured:
      backend_failed(reply, Cause::backend_tls_failed, out);
      break;
    case Ending::injected:
      backend_failed(reply, Cause::response_injection, out);
      break;
    case Ending::out_of_resources:
      backend_failed(SmtpReply::out_of_resources, Cause::out_of_resources, out);
      break;
    case Ending::timed_out:
      backend_failed(reply, Cause::backend_timeout, out);
      break;
  }
  run(out);
}

// Once all that the client sent has been passed on, the backend may know that it was all.
bool SmtpDialogue::end_client(Steps& out) {
  if (!client_ended_ || shut_) return false;
  switch (phase_) {
    case Phase::words:
      end(words_cause_, out);
      return true;
    case Phase::command:
      if (outstanding_.size() >= kMaxOutstanding && !in_.empty()) return false;
      [[fallthrough]];
    case Phase::response:
    case Phase::message:
    case Phase::chunk:
    case Phase::skipped_chunk:
      shut_ = true;
      out.add(Shut{Side::backend});
      return true;
    default:
      return false;
  }
}

void SmtpDialogue::farewell(Farewell why, Steps& out) {
  if (phase_ == Phase::over) return;
  if (!mid_reply_) say_smtp(smtp_farewell_reply(why), options_, out);
  end(Cause::farewell, out);
}

std::string SmtpDialogue::take_rest() { return in_.take_rest(); }

std::size_t SmtpDialogue::kept() const {
  return in_.size() + replies_.size() + held_line_.size() + held_reply_.size();
}

// Passes bytes on: as they lie in the piece fed, or as a copy, since what a buffer kept is wiped.
void SmtpDialogue::forward(Side to, std::string_view bytes, Steps& out) const {
  const std::less_equal<> not_behind;
  const bool lasts = !fed_.empty() && not_behind(fed_.data(), bytes.data()) &&
                     not_behind(bytes.data() + bytes.size(), fed_.data() + fed_.size());
  if (lasts) return out.send(to, bytes);
  out.send_made(to, std::string(bytes));
}

void SmtpDialogue::end(Cause cause, Steps& out) {
  phase_ = Phase::over;
  in_.clear();
  out.add(End{cause});
}

}  // namespace postern::protocols
