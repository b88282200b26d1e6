// The dialogue's backend side: each reply in its turn. See smtp_dialogue.h.
#include <algorithm>
#include <array>

#include "protocols/help.h"
#include "protocols/smtp_dialogue.h"
#include "protocols/smtp_ehlo.h"
#include "protocols/smtp_farewell.h"
#include "protocols/smtp_gate.h"

namespace postern::protocols {

namespace {

// Mechanisms that may agree on a security layer (RFC 4752, RFC 2831, and what Windows makes of
// NTLM).
constexpr std::array<std::string_view, 5> kLayered = {"GSSAPI", "GSS-SPNEGO", "SPNEGO",
                                                      "DIGEST-MD5", "NTLM"};
constexpr int kLoggedIn = 235;

}  // namespace

bool SmtpDialogue::step_backend(Steps& out) {
  if (phase_ == Phase::words) return false;
  if (const auto line = replies_.line()) {
    take_reply_line(*line, out);
    return true;
  }
  if (!replies_.too_long()) return false;
  backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  return true;
}

void SmtpDialogue::take_reply_line(std::string_view line, Steps& out) {
  const auto reply = parse_smtp_reply(line);
  if (!reply) return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  if (outstanding_.empty()) return take_unasked(line, *reply, out);

  // Only DATA and AUTH have a second half. Any other would take the client's next commands for it.
  const auto what = outstanding_.front().what;
  if (reply->go_on() && what != Awaited::data && what != Awaited::auth) {
    return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  }
  // 235 is said to logins alone (RFC 4954 6): here to one that was not seen, or that was given up.
  const bool lets_in = reply->code == kLoggedIn && what != Awaited::auth;
  if (lets_in || (what == Awaited::given_up && reply->success())) {
    return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  }
  if (what == Awaited::greeting) return take_greeting(line, *reply, out);
  if (what == Awaited::ehlo) return take_ehlo(line, *reply, out);
  if (what != Awaited::cancelled) pass_reply(line, what, *reply, out);
  if (reply->last) complete(what, *reply, out);
}

void SmtpDialogue::pass_reply(std::string_view line, Awaited what, const SmtpReplyLine& reply,
                              Steps& out) {
  mid_reply_ = !reply.last;
  const bool warned = what == Awaited::auth && warns_ && reply.last && reply.success();
  if (!warned) return forward(Side::client, line, out);
  out.send_made(Side::client,
                with_warning(line, size_of_codes(line), exchange_->login(), options_));
}

// A reply that nobody asked for: the backend's own farewell (RFC 5321 3.8), or forged.
void SmtpDialogue::take_unasked(std::string_view line, const SmtpReplyLine& reply, Steps& out) {
  constexpr int kFarewell = 421;
  if (reply.code != kFarewell || said_421_) {
    out.add(Alarm{AlarmKind::response_injection, "reply without a command"});
    return backend_failed(SmtpReply::backend_fault, Cause::response_injection, out);
  }
  outstanding_.push_back({Awaited::farewell});
  forward(Side::client, line, out);
  mid_reply_ = !reply.last;
  if (reply.last) complete(Awaited::farewell, reply, out);
}

void SmtpDialogue::take_greeting(std::string_view line, const SmtpReplyLine& reply, Steps& out) {
  const bool swallowed = conditions_.greeting == BackendGreeting::swallow;
  if (swallowed) {
    held_reply_ += line;
    if (held_reply_.size() > kMaxHeldReply) {
      return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
    }
  } else {
    forward(Side::client, line, out);
    mid_reply_ = !reply.last;
  }
  if (!reply.last) return;
  outstanding_.erase(outstanding_.begin());
  if (reply.success()) {
    std::string().swap(held_reply_);
    phase_ = Phase::command;
  } else if (swallowed) {
    words_cause_ = Cause::backend_refused;
    phase_ = Phase::words;
  } else {
    end(Cause::backend_refused, out);
  }
}

void SmtpDialogue::take_ehlo(std::string_view line, const SmtpReplyLine& reply, Steps& out) {
  held_reply_ += line;
  if (held_reply_.size() > kMaxHeldReply) {
    return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  }
  if (!reply.last) return;
  std::string text;
  text.swap(held_reply_);
  if (reply.success()) {
    const bool in_clear = conditions_.transport == Transport::cleartext;
    const bool no_logins = in_clear && conditions_.cleartext_logins == CleartextLogins::not_offered;
    const bool starttls = in_clear && conditions_.upgrade == Upgrade::offered;
    auto edited = edit_ehlo(
        text,
        {options_.hidden_verbs, no_logins ? EhloEdits::Logins::hidden : EhloEdits::Logins::shown,
         starttls ? EhloEdits::Starttls::offered : EhloEdits::Starttls::not_offered});
    chunking_ = edited.chunking;
    text = std::move(edited.text);
  }
  out.send_made(Side::client, std::move(text));
  complete(Awaited::ehlo, reply, out);
}

// The reply to the first outstanding command is complete and has been passed on.
void SmtpDialogue::complete(Awaited what, const SmtpReplyLine& reply, Steps& out) {
  outstanding_.erase(outstanding_.begin());
  constexpr int kFarewell = 421;
  said_421_ = reply.code == kFarewell;
  // Where the client waits, it waits for the last of all that is outstanding.
  const bool waited_for = phase_ == Phase::reply && outstanding_.empty();
  if (waited_for) phase_ = Phase::command;
  switch (what) {
    case Awaited::helo:
      if (reply.success()) chunking_ = false;
      break;
    case Awaited::mail:
      if (reply.success() && !mail_begun_) out.add(MailBegun{});
      mail_begun_ = mail_begun_ || reply.success();
      break;
    case Awaited::data:
      if (reply.go_on()) {
        body_.begin();
        phase_ = Phase::message;
      } else if (!in_.empty()) {
        // Nothing may follow DATA before its reply (RFC 2920 3.1), so this is the message.
        finish(SmtpReply::early_message, Cause::bad_syntax, out);
      } else {
        after_message_ = true;
      }
      break;
    case Awaited::auth:
    case Awaited::given_up:
      complete_login(reply, out);
      break;
    case Awaited::cancelled:
      complete_cancelled(reply, out);
      break;
    case Awaited::quit:
      if (reply.success()) return end(Cause::client_quit, out);
      break;
    case Awaited::blocking:
      // The backend may have all patience in the world.
      if (reply.is_unknown_command() && ++refused_ > kMaxRefusedCommands) {
        return finish(SmtpReply::too_many_errors, Cause::too_many_errors, out);
      }
      break;
    default:
      break;
  }
  say_own(out);
}

void SmtpDialogue::complete_login(const SmtpReplyLine& reply, Steps& out) {
  if (reply.go_on()) {
    phase_ = Phase::response;
    return;
  }
  const auto& login = exchange_->login();
  out.add(LoginAnswered{login, reply.success() ? Outcome::success : Outcome::failure});
  layer_may_begin_ = reply.success() &&
                     std::find(kLayered.begin(), kLayered.end(), login.mechanism) != kLayered.end();
  after_refusal_ = !reply.success();
  exchange_.reset();
}

// Postern ended an exchange with `*`. Where the backend takes that for a response, and goes on or
// lets the client in, nothing that postern could say would be true.
void SmtpDialogue::complete_cancelled(const SmtpReplyLine& reply, Steps& out) {
  if (reply.success()) {
    return backend_failed(SmtpReply::backend_fault, Cause::backend_protocol, out);
  }
  refuse_login(out);
}

// Says postern's own replies whose turn it is.
void SmtpDialogue::say_own(Steps& out) {
  while (phase_ != Phase::over && !outstanding_.empty()) {
    const auto next = outstanding_.front();
    if (next.what != Awaited::own && next.what != Awaited::last_words) return;
    outstanding_.erase(outstanding_.begin());
    say_smtp(next.own, options_, out);
    if (next.what == Awaited::last_words) return end(next.cause, out);
  }
}

// The backend can no longer be used. The client is told, unless it is in the midst of a reply, was
// told by the backend, or has gone and waits for nothing; or, where it has not asked for anything
// yet, with its next command.
void SmtpDialogue::backend_failed(SmtpReply reply, Cause cause, Steps& out) {
  if (phase_ == Phase::greeting && conditions_.greeting == BackendGreeting::swallow) {
    return no_backend(std::string(smtp_text(reply)), cause, out);
  }
  const bool waits_for_nothing = client_ended_ && outstanding_.empty();
  if (!mid_reply_ && !said_421_ && !waits_for_nothing) {
    out.send(Side::client, smtp_text(reply));
  }
  end(cause, out);
}

// Before the client has said anything: `words` come in place of the greeting, or, where it waits for
// none, as the answer to its next command.
void SmtpDialogue::no_backend(std::string words, Cause cause, Steps& out) {
  if (conditions_.greeting == BackendGreeting::pass) {
    out.send_made(Side::client, std::move(words));
    return end(cause, out);
  }
  held_reply_ = std::move(words);
  words_cause_ = cause;
  phase_ = Phase::words;
}

}  // namespace postern::protocols
