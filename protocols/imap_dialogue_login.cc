// Logins in ImapDialogue: LOGIN, AUTHENTICATE, the verdict and the answer. See imap_dialogue.h.
//
//   LOGIN's name comes …          judged                          passed on
//   in the line, or as {n+}       once, with the user             then
//   as a synchronising {n}        first without the user, then    after the second verdict, the
//                                 with it, when its line ends     name's "+" of the backend
//                                 swallowed
//
// With Judging::each_piece the password's literal is treated as the name's: judged before its "+",
// and again with it.
//
// An AUTHENTICATE is judged when it starts, and again whenever a response brings another user (with
// Judging::each_piece: at each response).
#include <utility>

#include "protocols/help.h"
#include "protocols/imap_dialogue.h"
#include "protocols/imap_gate.h"
#include "protocols/imap_login.h"
#include "protocols/imap_replies.h"

namespace postern::protocols {

// A line of a LOGIN has been added to command_, and its literal fits. Where each piece is judged, the
// password's literal is collected too: at the backend a LOGIN could not be given up any more.
void ImapDialogue::on_login(Steps& out) {
  using Stage = LoginArguments::Stage;
  auto arguments = read_login(command_);
  if (!arguments.login.user.empty()) write_login_name(command_);
  const bool collects =
      arguments.stage == Stage::name_announced ||
      (arguments.stage == Stage::password_announced && conditions_.judging == Judging::each_piece);
  if (!collects) {
    return hold(Held::login,
                {.login = std::move(arguments.login), .secret_sent = arguments.exposed}, out);
  }
  const auto literal = *command_.announced();
  if (literal.kind == LiteralKind::non_synchronising) return collect_literal(literal, out);
  hold(Held::login_part,
       {.login = std::move(arguments.login),
        .secret_sent = arguments.exposed,
        .name_follows = arguments.stage == Stage::name_announced},
       out);
}

void ImapDialogue::on_authenticate(std::string_view line, const ImapHead& head,
                                   const std::optional<ImapLiteral>& literal, Steps& out) {
  const auto arguments = literal ? std::nullopt : read_authenticate(head.arguments);
  if (!arguments) {
    return reject_tagged(head.tag, imap_text(ImapText::tagged_bad_arguments), literal, out);
  }
  exchange_.emplace(arguments->mechanism);
  if (arguments->initial_response) exchange_->response(*arguments->initial_response);
  command_.add_line(line);
  hold_exchange(Held::sasl_start, out);
}

void ImapDialogue::on_sasl_response(std::string_view line, Steps& out) {
  const auto text = without_newline(line);
  if (text == "*") {
    send_backend(line, out);
    waiting_ = Waiting::answer;
    reading_ = Reading::command;
    return;
  }
  if (exchange_->response(text) || conditions_.judging == Judging::each_piece) {
    command_.add_line(line);
    return hold_exchange(Held::sasl_response, out);
  }
  send_backend(line, out);
  waiting_ = Waiting::challenge;
}

void ImapDialogue::hold(Held held, LoginTried tried, Steps& out) {
  held_ = held;
  login_ = tried.login;
  secret_sent_ = tried.secret_sent;
  out.add(std::move(tried));
}

void ImapDialogue::hold_exchange(Held held, Steps& out) {
  hold(held,
       {exchange_->login(), exchange_->has_sent_secret(), exchange_->name_follows(),
        exchange_->hides_name()},
       out);
}

void ImapDialogue::decide(Verdict verdict, Steps& out) {
  const auto held = std::exchange(held_, Held::nothing);
  if (held == Held::nothing || state_ != State::open) return;
  warns_ = verdict == Verdict::warn && conditions_.transport == Transport::cleartext;
  verdict_ = verdict;
  if (is_refusal(verdict)) {
    refuse(held, out);
  } else {
    allow(held, out);
  }
  run(out);
}

void ImapDialogue::allow(Held held, Steps& out) {
  switch (held) {
    case Held::login_part:
      return collect_literal(*command_.announced(), out);
    case Held::login:
      return pass_command(Outstanding::Kind::login, out);
    case Held::sasl_start:
      pass_command(Outstanding::Kind::login, out);
      break;
    case Held::sasl_response:
      send_backend(command_.next_piece(), out);
      command_.clear();
      break;
    case Held::nothing:
      return;
  }
  waiting_ = Waiting::challenge;
  reading_ = Reading::sasl;
}

void ImapDialogue::refuse(Held held, Steps& out) {
  after_refusal_ = true;
  switch (held) {
    case Held::login_part:
    case Held::login:
    case Held::sasl_start:
      return reject(refusal(command_.tag()), command_.announced(), out);
    case Held::sasl_response: {
      if (is_one_too_many(out)) return;
      // The backend stands in the exchange: end it there, and answer when it has.
      auto& login = outstanding_.back();
      login.kind = Outstanding::Kind::cancelled;
      login.own = refusal(login.tag);
      command_.clear();
      out.send(Side::backend, imap_text(ImapText::cancel));
      waiting_ = Waiting::answer;
      reading_ = Reading::command;
      return;
    }
    case Held::nothing:
      return;
  }
}

// The answer to a refused login. In clear it asks for TLS, with a warning where the secret came.
std::string ImapDialogue::refusal(std::string_view tag) const {
  if (verdict_ == Verdict::unavailable) {
    return std::string(tag).append(" ").append(imap_text(ImapText::tagged_unavailable));
  }
  if (verdict_ == Verdict::never) return imap_refusal(tag, Transport::tls, options_);
  const bool clear = conditions_.transport == Transport::cleartext;
  if (verdict_ == Verdict::needs_certificate && !clear) {
    return with_help(
        std::string(tag).append(" ").append(imap_text(ImapText::tagged_certificate_needed)),
        options_);
  }
  std::string text(clear && secret_sent_ ? imap_text(ImapText::secret_exposed)
                                         : std::string_view());
  return text.append(imap_refusal(tag, conditions_.transport, options_));
}

// The backend's OK. All that was held goes out unread, and nothing is read any more.
void ImapDialogue::log_in(std::string_view line, Steps& out) {
  // One write: some clients read an untagged line behind the tagged one only much later.
  std::string said;
  if (warns_) {
    said = with_help(imap_text(login_.sends_secret ? ImapText::warn_secret : ImapText::warn_login),
                     options_);
  }
  said += edit_response(line, conditions_, ListMoment::login_answer);
  out.send_made(Side::client, std::move(said));
  out.add(LoginAnswered{login_, Outcome::success});
  for (auto& left : outstanding_) {
    if (left.kind == Outstanding::Kind::own) out.send_made(Side::client, std::move(left.own));
  }
  auto rest = backend_.take_rest();
  boundary_.feed(rest);
  out.send_made(Side::client, std::move(rest));
  out.send_made(Side::backend, client_.take_rest());
  if (client_ended_ && !shut_) out.add(Shut{Side::backend});
  out.add(PassThrough{});
  state_ = State::over;
  std::vector<Outstanding>().swap(outstanding_);
  command_.clear();
  exchange_.reset();
  login_ = {};
}

// The backend's NO or BAD.
void ImapDialogue::login_failed(Steps& out) {
  out.add(LoginAnswered{login_, Outcome::failure});
  after_refusal_ = true;
  exchange_.reset();
}

}  // namespace postern::protocols
