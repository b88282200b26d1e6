// The dialogue's backend side: its greeting, each reply in its turn, its end. See pop3_dialogue.h.
#include <utility>

#include "protocols/help.h"
#include "protocols/pop3_capa.h"
#include "protocols/pop3_dialogue.h"

namespace postern::protocols {

namespace {

constexpr std::size_t kLongestList = 64 * 1024;  // of a reply that is edited

}  // namespace

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
      return no_backend(std::string(line), Cause::backend_refused, out);
    case Pop3Status::go_on:
    case Pop3Status::none:
      return no_backend(std::string(text_of(Pop3Reply::backend_unreadable)),
                        Cause::backend_protocol, out);
  }
}

void Pop3Dialogue::reply(std::string_view line, Steps& out) {
  bool is_one_too_many = false;
  switch (expected_.front().reply) {
    case Reply::capa:
    case Reply::auth_list:
      return first_of_list(line, out);
    case Reply::user:
      phase_ = Phase::commands;
      user_given_ = pop3_status(line) == Pop3Status::ok;
      user_failed_ = !user_given_;
      if (user_failed_) fail_login(out);
      break;
    case Reply::login:
      return login_answer(line, out);
    case Reply::auth:
      return auth_reply(line, out);
    case Reply::quit:
      if (pop3_status(line) == Pop3Status::ok) phase_ = Phase::quit;
      break;
    case Reply::single:
      // The backend may have all patience in the world.
      is_one_too_many = pop3_status(line) == Pop3Status::error && ++refusals_ > kPop3MostRefusals;
      break;
    case Reply::ours:
      return;  // never at the front here
  }
  expected_.erase(expected_.begin());
  pass(Side::client, line, out);
  if (is_one_too_many) leave(Pop3Reply::too_many_errors, Cause::too_many_errors);
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
    return end(Pop3Reply::backend_unreadable, Cause::backend_protocol, out);
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
    // Let in, or asked on: it takes "*" for a response, and would take commands for some.
    if (status == Pop3Status::ok || status == Pop3Status::go_on) {
      return end(Pop3Reply::backend_unreadable, Cause::backend_protocol, out);
    }
    expected_.erase(expected_.begin());
    phase_ = Phase::commands;
    return answer_refused();
  }
  if (phase_ != Phase::challenge) return unasked(line, out);
  // Behind the client's "*" it would take the next command for a response.
  if (given_up_ && status == Pop3Status::go_on) {
    return end(Pop3Reply::backend_unreadable, Cause::backend_protocol, out);
  }
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
  after_refusal_ = true;
  late_error_may_come_ = status == Pop3Status::none;
  fail_login(out);
  user_given_ = false;
  phase_ = Phase::commands;
  expected_.erase(expected_.begin());
  pass(Side::client, line, out);
}

void Pop3Dialogue::log_in(std::string_view line, Steps& out) {
  if (warns_) {
    out.send_made(Side::client, with_warning(line, size_of_pop3_codes(line), login_, options_));
  } else {
    pass(Side::client, line, out);
  }
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
  end(Pop3Reply::backend_unreadable, Cause::response_injection, out);
}

void Pop3Dialogue::backend_ended(Ending how, Steps& out) {
  if (phase_ == Phase::refusing) return;
  if (phase_ == Phase::quit) return end(Cause::client_quit, out);
  // Postern's own last words stand in the queue: they are the reason, not this.
  if (phase_ == Phase::leaving) return end(expected_.back().own, *expected_.back().end_with, out);
  if (phase_ != Phase::greeting) {
    const bool nobody_waits = client_ended_ && expected_.empty();
    if (nobody_waits) return end(Cause::backend_closed, out);
    return end(Pop3Reply::backend_lost,
               how == Ending::not_secured ? Cause::backend_tls_failed : Cause::backend_closed, out);
  }
  switch (how) {
    case Ending::closed:
      return no_backend(std::string(text_of(Pop3Reply::backend_lost)), Cause::backend_closed, out);
    case Ending::unreachable:
      return no_backend(std::string(text_of(Pop3Reply::backend_unreachable)),
                        Cause::backend_unreachable, out);
    case Ending::refused:
      return no_backend(std::string(text_of(Pop3Reply::backend_unreachable)),
                        Cause::backend_refused, out);
    case Ending::not_secured:
      return no_backend(std::string(text_of(Pop3Reply::backend_unreachable)),
                        Cause::backend_tls_failed, out);
    case Ending::injected:
      return no_backend(std::string(text_of(Pop3Reply::backend_unreachable)),
                        Cause::response_injection, out);
    case Ending::out_of_resources:
      return no_backend(std::string(text_of(Pop3Reply::out_of_resources)), Cause::out_of_resources,
                        out);
    case Ending::timed_out:
      return no_backend(std::string(text_of(Pop3Reply::backend_timeout)), Cause::backend_timeout,
                        out);
  }
}

// Says that there is no backend: at once, or, where the client does not wait for a greeting, as the
// answer to its next command.
void Pop3Dialogue::no_backend(std::string words, Cause cause, Steps& out) {
  if (phase_ != Phase::greeting || conditions_.greeting == BackendGreeting::pass) {
    out.send_made(Side::client, std::move(words));
    return end(cause, out);
  }
  words_ = std::move(words);
  words_cause_ = cause;
  phase_ = Phase::refusing;
  backend_.clear();
}

}  // namespace postern::protocols
