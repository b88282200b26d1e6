// The dialogue's face, and its client's side. See pop3_dialogue.h; the backend's side stands in
// pop3_dialogue_backend.cc. What the client's next line means, and what leads on:
//
//   phase       client's line                 leaves it by
//   greeting    waits                         the backend's greeting: commands, refusing, End
//   commands    a command                     STLS: upgrading; a login: deciding; QUIT's +OK: quit
//   deciding    (no feed)                     decide(): answer, challenge, cancelled, commands
//   answer      waits                         the answer to USER, PASS or APOP: commands; +OK to
//                                             PASS or APOP: PassThrough
//   challenge   waits                         "+ ": response; +OK: PassThrough, but response where
//                                             it is a go-ahead; -ERR: commands
//   response    a SASL response               sent: challenge; name found: deciding
//   cancelled   waits                         the answer to postern's own "*": commands
//   upgrading   waits                         all replies given: +OK, BeginTls
//   leaving     thrown away                   all replies given: postern's last words, End
//   refusing    any: gets the words           End
//   quit        thrown away                   the backend closes: End client_quit
//
// Replies are matched through expected_: each command that was passed on stands there with the kind
// of reply it gets; postern's own replies stand between them and are given in their turn.
#include "protocols/pop3_dialogue.h"

#include <functional>
#include <utility>

namespace postern::protocols {

namespace {

constexpr std::size_t kMostOutstanding = 64;  // commands without reply; then the client waits
constexpr std::size_t kLongestReplyLine = 64 * 1024;  // of the backend

}  // namespace

Pop3Dialogue::Pop3Dialogue(const Options& options, const Conditions& conditions)
    : options_(options),
      conditions_(conditions),
      client_(options.line_length),
      backend_(kLongestReplyLine) {}

Pop3Dialogue::~Pop3Dialogue() { wipe(held_); }

void Pop3Dialogue::refuse_service(Farewell why, Steps& out) {
  no_backend(pop3_farewell(why, options_), Cause::farewell, out);
}

void Pop3Dialogue::feed(Side from, std::string_view bytes, Steps& out) {
  if (phase_ == Phase::over) return;
  fed_ = bytes;
  auto& buffer = from == Side::client ? client_ : backend_;
  buffer.open(bytes);
  advance(out);
  buffer.close();
  fed_ = {};
}

void Pop3Dialogue::decide(Verdict verdict, Steps& out) {
  if (phase_ != Phase::deciding) return;
  warns_ = verdict == Verdict::warn && in_clear();
  verdict_ = verdict;
  if (is_refusal(verdict)) {
    refuse_login(out);
  } else {
    allow(out);
  }
  advance(out);
}

bool Pop3Dialogue::wants(Side side) const {
  if (phase_ == Phase::over || phase_ == Phase::deciding) return false;
  if (side == Side::backend) return phase_ != Phase::refusing;
  return client_.size() <= options_.line_length;
}

void Pop3Dialogue::ended(Side side, Ending how, Steps& out) {
  if (phase_ == Phase::over) return;
  if (side == Side::client) {
    client_ended_ = true;
    return advance(out);
  }
  backend_ended(how, out);
  advance(out);
}

void Pop3Dialogue::farewell(Farewell why, Steps& out) {
  if (phase_ == Phase::over) return out.add(End{Cause::farewell});
  end(pop3_farewell_reply(why), Cause::farewell, out);
}

// Handles all that can be handled. The client's lines go first, so that what a reply sets free is
// on its way before the next reply is looked at, however the bytes are cut.
void Pop3Dialogue::advance(Steps& out) {
  const auto stopped = [&] { return phase_ == Phase::over || phase_ == Phase::deciding; };
  while (!stopped()) {
    give_own_replies(out);
    upgrade_if_idle(out);
    if (stopped()) return;
    if (reads_client()) {
      if (const auto line = client_.line()) {
        client_line(*line, out);
        continue;
      }
      if (client_.too_long() && phase_ == Phase::refusing) {
        client_line({}, out);
        continue;
      }
      if (client_.too_long()) {
        last_command_ = "?";
        out.add(Alarm{AlarmKind::line_too_long, "command"});
        leave(Pop3Reply::line_too_long, Cause::line_too_long);
        continue;
      }
    }
    if (phase_ == Phase::leaving || phase_ == Phase::quit) client_.clear();
    if (client_ended_) carry_client_end(out);
    if (stopped()) return;
    if (const auto line = backend_.line()) {
      backend_line(*line, out);
    } else if (backend_.too_long()) {
      no_backend(std::string(text_of(Pop3Reply::backend_unreadable)), Cause::backend_protocol, out);
    } else {
      return;
    }
  }
}

// The client has ended: tells the backend once nothing is left to be sent there.
void Pop3Dialogue::carry_client_end(Steps& out) {
  if (phase_ == Phase::refusing) return end(words_cause_, out);
  if (shut_ || !(reads_client() || client_.empty())) return;
  shut_ = true;
  out.add(Shut{Side::backend});
}

bool Pop3Dialogue::reads_client() const {
  const bool phase =
      phase_ == Phase::commands || phase_ == Phase::response || phase_ == Phase::refusing;
  return phase && expected_.size() < kMostOutstanding;
}

void Pop3Dialogue::client_line(std::string_view line, Steps& out) {
  if (phase_ == Phase::refusing) {
    out.send_made(Side::client, std::move(words_));
    return end(words_cause_, out);
  }
  if (!is_clean_line(line)) {
    last_command_ = "?";
    return leave(Pop3Reply::bad_syntax, Cause::bad_syntax);
  }
  if (phase_ == Phase::response) return sasl_response(line, out);
  command(line, out);
}

void Pop3Dialogue::command(std::string_view line, Steps& out) {
  const auto command = parse_pop3_command(line);
  last_command_ = command.name;
  order_.add(command.name);
  late_error_may_come_ = false;
  // What a client sent behind a refused AUTH without waiting may be a password: it must not reach
  // the backend as a command.
  if (after_refusal_ && command.name == "?") return refuse(Pop3Reply::unknown_command);
  after_refusal_ = false;
  switch (command.verb) {
    case Pop3Verb::user:
      return hold(Held::user, line, pop3_user_login(command.argument), out);
    case Pop3Verb::pass:
      return pass_word(line, out);
    case Pop3Verb::apop:
      return hold(Held::apop, line, pop3_apop_login(command.argument), out);
    case Pop3Verb::auth:
      return auth(line, command.argument, out);
    case Pop3Verb::stls:
      return stls(command.argument);
    case Pop3Verb::hidden:
      out.add(Alarm{AlarmKind::hidden_verb, std::string(command.name)});
      return refuse(Pop3Reply::unknown_command);
    case Pop3Verb::capa:
      expect(Reply::capa);
      return pass(Side::backend, line, out);
    case Pop3Verb::quit:
      expect(Reply::quit);
      return pass(Side::backend, line, out);
    case Pop3Verb::noop:
    case Pop3Verb::other:
      expect(Reply::single);
      return pass(Side::backend, line, out);
  }
}

// The password of a try that was allowed at USER passes. One without USER is a try of its own, of
// nobody knows whom, since some servers remember the last name. So is one behind a USER that the
// backend refused; but where it refuses that too, it has answered already.
void Pop3Dialogue::pass_word(std::string_view line, Steps& out) {
  if (user_denied_) return refuse_login(out);
  if (!user_given_) {
    const bool has_failed = user_failed_;
    hold(Held::pass, line, pop3_user_login({}), out);
    answered_ = has_failed;
    return;
  }
  user_given_ = false;
  if (judges_each_piece()) return hold(Held::password, line, login_, out);
  expect(Reply::login);
  phase_ = Phase::answer;
  pass(Side::backend, line, out);
}

void Pop3Dialogue::auth(std::string_view line, std::string_view argument, Steps& out) {
  if (argument.empty()) {
    if (hides_logins()) return refuse(Pop3Reply::login_needs_tls);
    expect(Reply::auth_list);
    return pass(Side::backend, line, out);
  }
  const auto auth = split_pop3_auth(argument);
  exchange_.emplace(auth.mechanism);
  given_up_ = false;
  go_ahead_due_ = !auth.response;
  if (auth.response) exchange_->response(*auth.response);
  hold(Held::auth, line, exchange_->login(), out);
}

void Pop3Dialogue::sasl_response(std::string_view line, Steps& out) {
  const auto response = without_newline(line);
  go_ahead_due_ = false;
  given_up_ = response == "*";
  if (!given_up_) {
    const bool is_new = exchange_->response(response == "=" ? std::string_view() : response);
    if (is_new || judges_each_piece()) {
      return hold(Held::response, line, exchange_->login(), out);
    }
  }
  phase_ = Phase::challenge;
  pass(Side::backend, line, out);
}

void Pop3Dialogue::stls(std::string_view argument) {
  if (!in_clear()) return refuse(Pop3Reply::stls_active);
  if (!offers_stls()) return refuse(Pop3Reply::stls_not_offered);
  if (!argument.empty()) return refuse(Pop3Reply::stls_argument);
  phase_ = Phase::upgrading;
}

void Pop3Dialogue::upgrade_if_idle(Steps& out) {
  if (phase_ != Phase::upgrading || !expected_.empty()) return;
  out.send(Side::client, text_of(Pop3Reply::begin_tls));
  out.add(BeginTls{});
  phase_ = Phase::over;
}

// Keeps a login's line until the verdict.
void Pop3Dialogue::hold(Held held, std::string_view line, Login login, Steps& out) {
  const bool is_new_try = held != Held::response && held != Held::password;
  if (is_new_try) answered_ = user_given_ = user_denied_ = user_failed_ = false;
  wipe(held_);
  held_.assign(line);
  held_as_ = held;
  login_ = std::move(login);
  phase_ = Phase::deciding;
  const bool in_exchange = held == Held::auth || held == Held::response;
  const bool is_password = held == Held::pass || held == Held::password;
  const bool secret_sent = is_password || (in_exchange && exchange_->has_sent_secret());
  order_.tell(out);
  out.add(LoginTried{login_, secret_sent, in_exchange && exchange_->name_follows(),
                     in_exchange && exchange_->hides_name()});
}

void Pop3Dialogue::allow(Steps& out) {
  switch (held_as_) {
    case Held::user:
      expect(Reply::user);
      phase_ = Phase::answer;
      break;
    case Held::pass:
    case Held::password:
    case Held::apop:
      expect(Reply::login);
      phase_ = Phase::answer;
      break;
    case Held::auth:
      expect(Reply::auth);
      phase_ = Phase::challenge;
      break;
    case Held::response:
      phase_ = Phase::challenge;
      break;
  }
  pass(Side::backend, held_, out);
  wipe(held_);
}

void Pop3Dialogue::refuse_login(Steps& out) {
  constexpr std::string_view kCancel = "*\r\n";  // RFC 5034 section 4
  if (phase_ == Phase::deciding) {
    wipe(held_);
    if (held_as_ == Held::response) {
      phase_ = Phase::cancelled;
      return out.send(Side::backend, kCancel);
    }
    user_denied_ = held_as_ == Held::user;
    phase_ = Phase::commands;
  }
  answer_refused();
}

void Pop3Dialogue::answer_refused() {
  exchange_.reset();
  after_refusal_ = true;
  if (verdict_ == Verdict::unavailable) return refuse(Pop3Reply::login_unavailable);
  if (verdict_ == Verdict::never) return refuse(Pop3Reply::login_refused);
  if (in_clear()) return refuse(Pop3Reply::login_needs_tls);
  refuse(verdict_ == Verdict::needs_certificate ? Pop3Reply::login_needs_certificate
                                                : Pop3Reply::login_refused);
}

void Pop3Dialogue::answer(Pop3Reply reply) {
  expected_.push_back({Reply::ours, reply, std::nullopt});
}

void Pop3Dialogue::refuse(Pop3Reply reply) {
  if (++refusals_ > kPop3MostRefusals) {
    return leave(Pop3Reply::too_many_errors, Cause::too_many_errors);
  }
  answer(reply);
}

// Ends when all replies that are due have been given. In a SASL exchange at the client's turn none
// is: the backend waits for the response that will not come.
void Pop3Dialogue::leave(Pop3Reply words, Cause cause) {
  if (phase_ == Phase::response) expected_.clear();
  expected_.push_back({Reply::ours, words, cause});
  phase_ = Phase::leaving;
}

void Pop3Dialogue::give_own_replies(Steps& out) {
  while (!expected_.empty() && expected_.front().reply == Reply::ours) {
    const auto own = expected_.front();
    expected_.erase(expected_.begin());
    if (own.end_with) return end(own.own, *own.end_with, out);
    say_pop3(own.own, options_, out);
  }
}

// Sends bytes on: as they are where they lie in what was fed, else as a copy, since a line buffer
// moves on.
void Pop3Dialogue::pass(Side to, std::string_view bytes, Steps& out) {
  const auto inside = [&] {
    const std::less_equal<const char*> at_most;
    return at_most(fed_.data(), bytes.data()) &&
           at_most(bytes.data() + bytes.size(), fed_.data() + fed_.size());
  };
  if (!fed_.empty() && inside()) return out.send(to, bytes);
  out.send_made(to, std::string(bytes));
}

void Pop3Dialogue::pass_rest(Side from, Steps& out) {
  auto& buffer = from == Side::client ? client_ : backend_;
  while (!buffer.empty()) pass(other(from), buffer.take(buffer.size()), out);
}

void Pop3Dialogue::end(Pop3Reply words, Cause cause, Steps& out) {
  say_pop3(words, options_, out);
  end(cause, out);
}

void Pop3Dialogue::end(Cause cause, Steps& out) {
  out.add(End{cause});
  phase_ = Phase::over;
  wipe(held_);
  expected_.clear();
  client_.clear();
  backend_.clear();
}

}  // namespace postern::protocols
