// See pop3_dialogue.h. What the client's next line means, and what leads on:
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
//   refusing    any: gets the words           leaving
//   quit        thrown away                   the backend closes: End client_quit
//
// Replies are matched through expected_: each command that was passed on stands there with the kind
// of reply it gets; postern's own replies stand between them and are given in their turn.
#include "protocols/pop3_dialogue.h"

#include <functional>
#include <utility>

#include "protocols/pop3_capa.h"

namespace postern::protocols {

namespace {

constexpr std::size_t kMostOutstanding = 64;  // commands without reply; then the client waits
constexpr std::size_t kLongestReplyLine = 64 * 1024;  // of the backend
constexpr std::size_t kLongestList = 64 * 1024;       // of a reply that is edited

}  // namespace

Pop3Dialogue::Pop3Dialogue(const Options& options, const Conditions& conditions)
    : options_(options),
      conditions_(conditions),
      client_(options.line_length),
      backend_(kLongestReplyLine) {}

Pop3Dialogue::~Pop3Dialogue() { wipe(held_); }

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
  if (verdict == Verdict::refuse) {
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

void Pop3Dialogue::backend_ended(Ending how, Steps& out) {
  if (phase_ == Phase::refusing) return;
  if (phase_ == Phase::quit) return end({}, Cause::client_quit, out);
  // Postern's own last words stand in the queue: they are the reason, not this.
  if (phase_ == Phase::leaving) return end(expected_.back().text, *expected_.back().end_with, out);
  if (phase_ != Phase::greeting) {
    const bool nobody_waits = client_ended_ && expected_.empty();
    const auto words = nobody_waits ? std::string_view() : text_of(Pop3Reply::backend_lost);
    return end(words, Cause::backend_closed, out);
  }
  switch (how) {
    case Ending::closed:
      return no_backend(text_of(Pop3Reply::backend_lost), Cause::backend_closed, out);
    case Ending::unreachable:
      return no_backend(text_of(Pop3Reply::backend_unreachable), Cause::backend_unreachable, out);
    case Ending::timed_out:
      return no_backend(text_of(Pop3Reply::backend_timeout), Cause::backend_timeout, out);
  }
}

void Pop3Dialogue::farewell(Farewell why, Steps& out) {
  if (phase_ == Phase::over) return out.add(End{Cause::farewell});
  end(text_of(pop3_farewell_reply(why)), Cause::farewell, out);
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
      if (client_.too_long()) {
        last_command_ = "?";
        out.add(Alarm{AlarmKind::line_too_long, "command"});
        leave(text_of(Pop3Reply::line_too_long), Cause::line_too_long);
        continue;
      }
    }
    if (phase_ == Phase::leaving || phase_ == Phase::quit) client_.clear();
    if (client_ended_) carry_client_end(out);
    if (stopped()) return;
    if (const auto line = backend_.line()) {
      backend_line(*line, out);
    } else if (backend_.too_long()) {
      no_backend(text_of(Pop3Reply::backend_unreadable), Cause::backend_protocol, out);
    } else {
      return;
    }
  }
}

// The client has ended: tells the backend once nothing is left to be sent there.
void Pop3Dialogue::carry_client_end(Steps& out) {
  if (phase_ == Phase::refusing) return end({}, words_cause_, out);
  if (shut_ || !(reads_client() || client_.empty())) return;
  shut_ = true;
  out.add(Shut{Side::backend});
}

bool Pop3Dialogue::reads_client() const {
  const bool phase =
      phase_ == Phase::commands || phase_ == Phase::response || phase_ == Phase::refusing;
  return phase && expected_.size() < kMostOutstanding;
}

// --- the client's lines ---

void Pop3Dialogue::client_line(std::string_view line, Steps& out) {
  if (phase_ == Phase::refusing) return leave(words_, words_cause_);
  if (!is_clean_line(line)) {
    last_command_ = "?";
    return leave(text_of(Pop3Reply::bad_syntax), Cause::bad_syntax);
  }
  if (phase_ == Phase::response) return sasl_response(line, out);
  command(line, out);
}

void Pop3Dialogue::command(std::string_view line, Steps& out) {
  const auto command = parse_pop3_command(line);
  last_command_ = command.name;
  late_error_may_come_ = false;
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
    case Pop3Verb::xclient:
      out.add(Alarm{AlarmKind::hidden_verb, "XCLIENT"});
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

// The password of a try that was allowed at USER passes. One without USER is a try of its own,
// since some servers remember the last name.
void Pop3Dialogue::pass_word(std::string_view line, Steps& out) {
  if (user_denied_) return refuse_login(out);
  if (!user_given_) return hold(Held::pass, line, pop3_user_login({}), out);
  user_given_ = false;
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
    const bool known = !exchange_->login().user.empty();
    exchange_->response(response == "=" ? std::string_view() : response);
    if (!known && !exchange_->login().user.empty()) {
      return hold(Held::response, line, exchange_->login(), out);
    }
    login_ = exchange_->login();
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
  if (held != Held::response) answered_ = user_given_ = user_denied_ = false;
  wipe(held_);
  held_.assign(line);
  held_as_ = held;
  login_ = std::move(login);
  phase_ = Phase::deciding;
  const bool in_exchange = held == Held::auth || held == Held::response;
  const bool secret_sent =
      held == Held::pass || (in_exchange && exchange_ && exchange_->has_sent_secret());
  out.add(LoginTried{login_, secret_sent});
}

void Pop3Dialogue::allow(Steps& out) {
  switch (held_as_) {
    case Held::user:
      expect(Reply::user);
      phase_ = Phase::answer;
      break;
    case Held::pass:
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
  exchange_.reset();
  refuse(in_clear() ? Pop3Reply::login_needs_tls : Pop3Reply::login_refused);
}

// --- the backend's lines ---

void Pop3Dialogue::backend_line(std::string_view line, Steps& out) {
  if (phase_ == Phase::greeting) return greeting(line, out);
  if (phase_ == Phase::refusing) return;
  if (expected_.empty()) return unasked(line, out);
  if (!list_.empty()) return next_of_list(line, out);
  reply(line, out);
}

void Pop3Dialogue::greeting(std::string_view line, Steps& out) {
  const bool swallow = conditions_.greeting == BackendGreeting::swallow;
  switch (pop3_status(line)) {
    case Pop3Status::ok:
      phase_ = Phase::commands;
      if (swallow) return;
      if (!hides_logins() || line.find('<') == std::string_view::npos) {
        return pass(Side::client, line, out);
      }
      return pass(Side::client, without_apop_timestamp(line), out);
    case Pop3Status::error:
      return no_backend(line, Cause::backend_refused, out);
    case Pop3Status::go_on:
    case Pop3Status::none:
      return no_backend(text_of(Pop3Reply::backend_unreadable), Cause::backend_protocol, out);
  }
}

void Pop3Dialogue::reply(std::string_view line, Steps& out) {
  switch (expected_.front().reply) {
    case Reply::capa:
    case Reply::auth_list:
      return first_of_list(line, out);
    case Reply::user:
      phase_ = Phase::commands;
      user_given_ = true;  // where the answer is an error, a PASS still belongs to this try
      if (pop3_status(line) != Pop3Status::ok) fail_login(out);
      break;
    case Reply::login:
      return login_answer(line, out);
    case Reply::auth:
      return auth_reply(line, out);
    case Reply::quit:
      if (pop3_status(line) == Pop3Status::ok) phase_ = Phase::quit;
      break;
    case Reply::single:
      break;
    case Reply::ours:
      return;  // never at the front here
  }
  expected_.erase(expected_.begin());
  pass(Side::client, line, out);
}

void Pop3Dialogue::first_of_list(std::string_view line, Steps& out) {
  if (pop3_status(line) == Pop3Status::ok) {
    list_.assign(line);
    return;
  }
  const bool capa = expected_.front().reply == Reply::capa;
  expected_.erase(expected_.begin());
  if (!capa || !offers_stls()) return pass(Side::client, line, out);
  // Without a list no client would find STLS.
  out.send(Side::client,
           text_of(hides_logins() ? Pop3Reply::own_capa_without_logins : Pop3Reply::own_capa));
}

void Pop3Dialogue::next_of_list(std::string_view line, Steps& out) {
  if (list_.size() + line.size() > kLongestList) {
    return end(text_of(Pop3Reply::backend_unreadable), Cause::backend_protocol, out);
  }
  list_.append(line);
  if (without_newline(line) != ".") return;
  const auto list = std::exchange(list_, std::string());
  const bool capa = expected_.front().reply == Reply::capa;
  expected_.erase(expected_.begin());
  if (!capa) return pass(Side::client, edit_pop3_auth_list(list), out);
  const Pop3Offer offer{offers_stls() ? Upgrade::offered : Upgrade::not_offered,
                        hides_logins() ? CleartextLogins::not_offered : CleartextLogins::offered};
  pass(Side::client, edit_pop3_capa(list, offer), out);
}

// The answer to AUTH or to a response. Exchange 2003 gives its go-ahead as "+OK": where nothing was
// sent yet that could log anybody in, it is no success.
void Pop3Dialogue::auth_reply(std::string_view line, Steps& out) {
  const auto status = pop3_status(line);
  if (phase_ == Phase::cancelled) {
    if (status == Pop3Status::ok) {
      return end(text_of(Pop3Reply::backend_unreadable), Cause::backend_protocol, out);
    }
    expected_.erase(expected_.begin());
    phase_ = Phase::commands;
    exchange_.reset();
    return refuse(in_clear() ? Pop3Reply::login_needs_tls : Pop3Reply::login_refused);
  }
  if (phase_ != Phase::challenge) return unasked(line, out);
  if (status == Pop3Status::go_on || (status == Pop3Status::ok && go_ahead_due_)) {
    phase_ = Phase::response;
    return pass(Side::client, line, out);
  }
  login_answer(line, out);
}

void Pop3Dialogue::login_answer(std::string_view line, Steps& out) {
  exchange_.reset();
  const auto status = pop3_status(line);
  const bool given_up = std::exchange(given_up_, false);
  if (status == Pop3Status::ok && !given_up) return log_in(line, out);
  late_error_may_come_ = status == Pop3Status::none;
  fail_login(out);
  user_given_ = false;
  phase_ = Phase::commands;
  expected_.erase(expected_.begin());
  pass(Side::client, line, out);
}

void Pop3Dialogue::log_in(std::string_view line, Steps& out) {
  pass(Side::client, line, out);
  out.add(LoginAnswered{login_, Outcome::success});
  phase_ = Phase::over;
  std::vector<Expected>().swap(expected_);
  pass_rest(Side::backend, out);
  pass_rest(Side::client, out);
  if (client_ended_ && !std::exchange(shut_, true)) out.add(Shut{Side::backend});
  out.add(PassThrough{});
}

void Pop3Dialogue::fail_login(Steps& out) {
  if (!std::exchange(answered_, true)) out.add(LoginAnswered{login_, Outcome::failure});
}

// Nobody asked (RFC 1939 section 3 knows no such reply): what an attacker put between postern and
// the backend, or a backend that has lost count. One error may follow a line without status word.
void Pop3Dialogue::unasked(std::string_view line, Steps& out) {
  if (std::exchange(late_error_may_come_, false) && pop3_status(line) == Pop3Status::error) {
    return pass(Side::client, line, out);
  }
  out.add(Alarm{AlarmKind::response_injection, "reply without a command"});
  end(text_of(Pop3Reply::backend_unreadable), Cause::response_injection, out);
}

// --- both ---

void Pop3Dialogue::answer(Pop3Reply reply) {
  expected_.push_back({Reply::ours, text_of(reply), std::nullopt});
}

void Pop3Dialogue::refuse(Pop3Reply reply) {
  if (++refusals_ > kPop3MostRefusals) {
    return leave(text_of(Pop3Reply::too_many_errors), Cause::too_many_errors);
  }
  answer(reply);
}

// Ends when all replies that are due have been given. In a SASL exchange at the client's turn none
// is: the backend waits for the response that will not come.
void Pop3Dialogue::leave(std::string_view words, Cause cause) {
  if (phase_ == Phase::response) expected_.clear();
  expected_.push_back({Reply::ours, words, cause});
  phase_ = Phase::leaving;
}

void Pop3Dialogue::give_own_replies(Steps& out) {
  while (!expected_.empty() && expected_.front().reply == Reply::ours) {
    const auto own = expected_.front();
    expected_.erase(expected_.begin());
    if (own.end_with) return end(own.text, *own.end_with, out);
    out.send(Side::client, own.text);
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

// Says that there is no backend: at once, or, where the client does not wait for a greeting, as the
// answer to its next command.
void Pop3Dialogue::no_backend(std::string_view words, Cause cause, Steps& out) {
  if (phase_ != Phase::greeting || conditions_.greeting == BackendGreeting::pass) {
    out.send_made(Side::client, std::string(words));
    return end({}, cause, out);
  }
  words_.assign(words);
  words_cause_ = cause;
  phase_ = Phase::refusing;
  backend_.clear();
}

void Pop3Dialogue::end(std::string_view words, Cause cause, Steps& out) {
  out.send(Side::client, words);
  out.add(End{cause});
  phase_ = Phase::over;
  wipe(held_);
  expected_.clear();
  client_.clear();
  backend_.clear();
}

}  // namespace postern::protocols
