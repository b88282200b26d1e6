// The backend's side of ImapDialogue. See imap_dialogue.h.
//
//   response    as the greeting                 later
//   * OK        passed on edited, or swallowed  passed on edited
//   * BYE       passed on, the session ends     passed on: the backend is about to close
//   * PREAUTH   never passed on: the session ends (RFC 9051 section 7.1.4)
//   * ...       the session ends                passed on edited, its literals counted
//   + ...       the session ends                passed on where it was waited for, else injected
//   tag ...     the session ends                passed on where it is outstanding, else injected
//   no tag      the session ends                passed on
#include <algorithm>
#include <limits>
#include <utility>

#include "protocols/imap_dialogue.h"
#include "protocols/imap_replies.h"

namespace postern::protocols {

// Takes the next line or piece of a literal; false when there is none.
bool ImapDialogue::read_backend(Steps& out) {
  if (backend_literal_ > 0) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::size_t>::max();
    const auto octets = backend_.take(static_cast<std::size_t>(std::min(backend_literal_, kMost)));
    if (octets.empty()) return false;
    backend_literal_ -= octets.size();
    out.send_made(Side::client, std::string(octets));
    return true;
  }
  const auto line = backend_.line();
  if (!line) {
    if (backend_.too_long()) {
      end(imap_text(ImapText::bye_backend_protocol), Cause::backend_protocol, out);
    }
    return false;
  }
  on_response(*line, out);
  return true;
}

void ImapDialogue::on_response(std::string_view line, Steps& out) {
  if (waiting_ == Waiting::greeting) return on_greeting(line, out);
  if (within_response_) return on_untagged(line, ImapStatus::none, out);
  const auto response = read_response(line);
  switch (response.kind) {
    case ImapResponse::Kind::untagged:
      return on_untagged(line, response.status, out);
    case ImapResponse::Kind::continuation:
      return on_continuation(line, out);
    case ImapResponse::Kind::tagged:
      return on_tagged(line, response, out);
    case ImapResponse::Kind::stray:
      return out.send_made(Side::client, std::string(line));
  }
}

void ImapDialogue::on_greeting(std::string_view line, Steps& out) {
  const auto response = read_response(line);
  const auto status = response.kind == ImapResponse::Kind::untagged && response.tag == "*"
                          ? response.status
                          : ImapStatus::none;
  if (status == ImapStatus::ok) {
    waiting_ = Waiting::nothing;
    if (conditions_.greeting == BackendGreeting::swallow) return;
    return send_client(line, ListMoment::before_login, out);
  }
  if (status == ImapStatus::bye) {
    send_client(line, ListMoment::before_login, out);
    return end({}, Cause::backend_refused, out);
  }
  if (status == ImapStatus::preauth) {
    return end(imap_text(ImapText::bye_backend_preauth), Cause::backend_preauth, out);
  }
  end(imap_text(ImapText::bye_backend_protocol), Cause::backend_protocol, out);
}

// An untagged response, or more of it behind a literal.
void ImapDialogue::on_untagged(std::string_view line, ImapStatus status, Steps& out) {
  if (status == ImapStatus::preauth) {
    return end(imap_text(ImapText::bye_backend_preauth), Cause::backend_preauth, out);
  }
  said_bye_ = said_bye_ || status == ImapStatus::bye;
  if (within_response_) {
    out.send_made(Side::client, std::string(line));
  } else {
    send_client(line, ListMoment::before_login, out);
  }
  within_response_ = false;
  if (status != ImapStatus::none) return;  // the text of a status holds no literal
  if (const auto literal = literal_at_end(without_newline(line))) {
    backend_literal_ = literal->octets;
    within_response_ = true;
  }
}

void ImapDialogue::on_continuation(std::string_view line, Steps& out) {
  if (waiting_ == Waiting::go_ahead && command_.pieces_left()) return send_piece(out);
  if (waiting_ != Waiting::go_ahead && waiting_ != Waiting::challenge) {
    return end_injected("continuation", out);
  }
  const bool asked_for =
      waiting_ == Waiting::challenge || literal_kind_ == LiteralKind::synchronising;
  waiting_ = Waiting::nothing;
  if (asked_for) out.send_made(Side::client, std::string(line));
}

void ImapDialogue::on_tagged(std::string_view line, const ImapResponse& response, Steps& out) {
  using Kind = Outstanding::Kind;
  const auto found = std::find_if(outstanding_.begin(), outstanding_.end(), [&](const auto& one) {
    return !one.tag.empty() && one.tag == response.tag;
  });
  if (found == outstanding_.end()) return end_injected("tagged response", out);
  const bool is_last = found + 1 == outstanding_.end();
  const auto kind = found->kind;
  const bool is_ok = response.status == ImapStatus::ok;
  if (kind == Kind::cancelled) {
    if (is_ok) return end(imap_text(ImapText::bye_backend_protocol), Cause::backend_protocol, out);
    found->kind = Kind::own;
    found->tag.clear();
    exchange_.reset();
  } else {
    outstanding_.erase(found);
    if (kind == Kind::login && is_ok) return log_in(line, out);
    send_client(line, ListMoment::before_login, out);
    if (kind == Kind::login) login_failed(out);
    // The backend may have all patience in the world.
    const bool is_bad = kind == Kind::passed && response.status == ImapStatus::bad;
    if (is_bad && is_one_too_many(out)) return;
  }
  // A SASL exchange may end while the client has the word: what it says next is no response.
  const bool is_awaited = waiting_ != Waiting::nothing && waiting_ != Waiting::upgrade;
  if (is_last && (is_awaited || reading_ == Reading::sasl)) forget_rest();
  flush_own(out);
}

// Sends postern's own answers whose turn it is.
void ImapDialogue::flush_own(Steps& out) {
  using Kind = Outstanding::Kind;
  while (!outstanding_.empty()) {
    auto& first = outstanding_.front();
    if (first.kind != Kind::own && first.kind != Kind::upgrade) return;
    out.send_made(Side::client, std::move(first.own));
    const bool upgrade = first.kind == Kind::upgrade;
    outstanding_.erase(outstanding_.begin());
    if (!upgrade) continue;
    out.add(BeginTls{});
    state_ = State::upgrading;
    return;
  }
}

void ImapDialogue::end_injected(std::string_view what, Steps& out) {
  out.add(Alarm{AlarmKind::response_injection, std::string(what)});
  end(imap_text(ImapText::bye_backend_protocol), Cause::response_injection, out);
}

}  // namespace postern::protocols
