// What a gate or dialogue asks for, step by step.
#include <utility>
#include <variant>

#include "proxy/session/session.h"

namespace postern::session {

using protocols::Side;

namespace {

// Octets from which on a piece of a message is dearer to copy than to write by itself.
constexpr std::size_t kLarge = 8192;

std::string_view name_of(protocols::NamedBy by) {
  switch (by) {
    case protocols::NamedBy::ehlo:
      return "ehlo";
    case protocols::NamedBy::imap_id:
      return "imap_id";
    case protocols::NamedBy::commands:
      return "commands";
  }
  __builtin_unreachable();
}

}  // namespace

void Session::run_steps() {
  auto& steps = host_.scratch().steps;
  has_said_ = false;
  while (!steps.empty()) {
    // A held login is the last step of its list, so its answer's steps may take the list's place.
    bool is_judged = false;
    for (const auto& step : steps) {
      std::visit([this](const auto& one) { take(one); }, step);
      is_judged = std::holds_alternative<protocols::LoginTried>(step);
    }
    steps.clear();
    if (!is_judged) return;
    dialogue_->decide(attempt_->verdict, steps);
  }
}

void Session::take(const protocols::Send& step) {
  if (step.to == Side::client) {
    has_said_ = true;
    bytes_out_ += step.bytes.size();
    host_.scratch().said.append(step.bytes);
  } else if (backend_ != nullptr) {  // what is for one that is gone is dropped
    bytes_in_ += step.bytes.size();
    if (step.bytes.size() >= kLarge) {
      flush();  // what was said before comes first
      backend_->write(step.bytes);
    } else {
      host_.scratch().to_backend.append(step.bytes);
    }
  }
}

void Session::take(const protocols::Shut& step) {
  (step.to == Side::backend ? shut_backend_ : shut_client_) = true;
}

void Session::take(const protocols::ClientNamed& step) {
  client_name_ = step.name;
  client_named_by_ = name_of(step.by);
}

void Session::take(const protocols::MailBegun&) {
  has_settled_ = has_mailed_ = true;
  if (engine_ != nullptr) engine_->drop_offer();
}

void Session::take(const protocols::Alarm& step) {
  switch (step.kind) {
    case protocols::AlarmKind::response_injection:
      notice("response-injection", step.detail);
      break;
    case protocols::AlarmKind::smuggling:
      notice("smuggling", step.detail);
      break;
    case protocols::AlarmKind::hidden_verb:
    case protocols::AlarmKind::line_too_long:
      notice("limit", step.detail);
      break;
  }
}

void Session::take(const protocols::BeginTls&) {
  // The backend's clear session ends here; it may not say anything more.
  is_upgrading_ = true;
  link_.reset();
  backend_.reset();
}

// The last step of its list, so nothing of the dialogue's is still to be sent.
void Session::take(const protocols::PassThrough&) {
  enter(Event::let_go);
  passage_ = dialogue_->let_go();
  dialogue_.reset();
}

void Session::take(const protocols::End& step) {
  const auto reason = reason_of(step.cause, farewell_reason_);
  const bool is_expected = step.cause == protocols::Cause::client_quit || has_said_;
  end(client_ended_ && reason == EndReason::backend_closed ? EndReason::client_closed : reason,
      is_expected ? Manner::polite : Manner::cut);
}

}  // namespace postern::session
