// See imap_dialogue.h. This file: the face, and the client's side; imap_dialogue_login.cc: logins;
// imap_dialogue_backend.cc: the backend's side.
//
// What the client's octets are (Reading), line by line:
//   command     a first line. ID, LOGIN ▶ collecting; AUTHENTICATE ▶ sasl once it is allowed;
//               others are passed on, those with a literal ▶ streaming; unreadable ▶ discarding
//   collecting  more of an ID or LOGIN, kept until it may be passed on whole or up to the password
//   streaming   more of a command that is already with the backend: counted, not looked at
//   discarding  more of a command that is answered by postern: swallowed up to its end
//   sasl        a response in a SASL exchange, or its "*"
//
// What the client has to wait for, its octets being kept meanwhile (Waiting):
//   greeting    the backend's, once
//   go_ahead    "+", for a literal; or the command's tagged answer: then the literal will not come
//               (synchronising), or is swallowed
//   challenge   "+" in a SASL exchange, or the login's tagged answer
//   answer      the login's tagged answer: a password must not become a command, nor a command run
//               before the login
//   upgrade     all commands before STARTTLS are answered
//
// Who says "+" for a literal: the backend's is relayed for a password and for all commands but two.
// A LOGIN's name and an ID's strings are read before the backend hears of them: postern says its
// own "+" for them, and swallows the backend's when they are passed on. Never both.
//
// Towards the backend every literal is synchronising, {n+} of the client being turned into {n}: a
// backend without LITERAL+ would take the literal of a {n+} for commands, a LOGIN among them.
#include "protocols/imap_dialogue.h"

#include <algorithm>
#include <utility>

#include "protocols/imap_gate.h"
#include "protocols/imap_id.h"
#include "protocols/imap_replies.h"

namespace postern::protocols {

namespace {

// Between a login and the end: where a line of the backend's ends, and whether it said BYE.
class ImapPassage final : public Passage {
 public:
  ImapPassage(const Options& options, const ImapBoundary& boundary)
      : options_(options), boundary_(boundary) {}

  void passed(std::string_view bytes) override { boundary_.feed(bytes); }
  bool backend_may_close() const override { return boundary_.may_close(); }
  bool backend_said_farewell() const override { return boundary_.said_bye(); }
  void farewell(Farewell why, Steps& out) override {
    if (boundary_.at_line_start()) out.send_made(Side::client, imap_farewell(why, options_));
    Passage::farewell(why, out);
  }

 private:
  const Options& options_;
  ImapBoundary boundary_;
};

}  // namespace

ImapDialogue::ImapDialogue(const Options& options, const Conditions& conditions)
    : options_(options),
      conditions_(conditions),
      client_(options.line_length),
      backend_(options.line_length) {}

void ImapDialogue::refuse_service(Farewell why, Steps& out) {
  out.send_made(Side::client, imap_farewell(why, options_));
  end({}, Cause::farewell, out);
}

void ImapDialogue::feed(Side from, std::string_view bytes, Steps& out) {
  auto& buffer = from == Side::client ? client_ : backend_;
  buffer.open(bytes);
  run(out);
  buffer.close();
}

bool ImapDialogue::wants(Side side) const {
  if (side == Side::backend) return true;
  return !client_ended_ && client_.size() <= options_.line_length;  // one more shows it too long
}

void ImapDialogue::ended(Side side, Ending how, Steps& out) {
  if (state_ != State::open) return;
  if (side == Side::client) {
    client_ended_ = true;
    return shut_if_ended(out);
  }
  if (how == Ending::unreachable) {
    return end(imap_text(ImapText::bye_backend_unreachable), Cause::backend_unreachable, out);
  }
  if (how == Ending::refused) {
    return end(imap_text(ImapText::bye_backend_unreachable), Cause::backend_refused, out);
  }
  if (how == Ending::not_secured) {
    return end(imap_text(ImapText::bye_backend_unreachable), Cause::backend_tls_failed, out);
  }
  if (how == Ending::injected) {
    return end(imap_text(ImapText::bye_backend_unreachable), Cause::response_injection, out);
  }
  if (how == Ending::out_of_resources) {
    return end(imap_text(ImapText::bye_out_of_resources), Cause::out_of_resources, out);
  }
  if (how == Ending::timed_out) {
    return end(imap_text(ImapText::bye_backend_lost), Cause::backend_timeout, out);
  }
  if (logging_out_) return end({}, Cause::client_quit, out);
  end(said_bye_ ? std::string_view() : imap_text(ImapText::bye_backend_lost), Cause::backend_closed,
      out);
}

void ImapDialogue::farewell(Farewell why, Steps& out) {
  if (state_ == State::over) return;
  if (!within_response_) out.send_made(Side::client, imap_farewell(why, options_));
  out.add(End{Cause::farewell});
  state_ = State::over;
}

std::string ImapDialogue::take_rest() { return client_.take_rest(); }

std::unique_ptr<Passage> ImapDialogue::let_go() const {
  return std::make_unique<ImapPassage>(options_, boundary_);
}

// Each backend's line is followed by all that it lets the client's kept octets do, so that it does
// not matter how much of the backend came at once.
void ImapDialogue::run(Steps& out) {
  do {
    while (is_running() && read_client(out)) {
    }
    if (is_running()) shut_if_ended(out);
  } while (is_running() && read_backend(out));
}

// Takes the next line or piece of a literal; false when there is none, or it has to wait.
bool ImapDialogue::read_client(Steps& out) {
  if (waiting_ != Waiting::nothing) return false;
  if (reading_ == Reading::command && outstanding_.size() >= kMaxOutstanding) return false;
  if (literal_) {
    if (client_.empty() && *literal_ > 0) return false;
    read_literal(out);
    return true;
  }
  const auto line = client_.line();
  if (!line) {
    if (client_.too_long()) end_too_long("line", out);
    return false;
  }
  if (is_clean_line(*line)) {
    on_line(*line, out);
  } else {
    end(imap_text(ImapText::bye_bad_syntax), Cause::bad_syntax, out);
  }
  return true;
}

void ImapDialogue::read_literal(Steps& out) {
  if (*literal_ > 0) {
    const auto octets = client_.take(static_cast<std::size_t>(*literal_));
    *literal_ -= octets.size();
    if (reading_ == Reading::collecting) command_.add_literal(octets);
    if (reading_ == Reading::streaming) send_backend(octets, out);
  }
  if (*literal_ == 0) literal_.reset();
}

void ImapDialogue::on_line(std::string_view line, Steps& out) {
  if (reading_ == Reading::sasl) return on_sasl_response(line, out);
  if (reading_ == Reading::command) octets_ = 0;
  if (line.size() > options_.line_length - octets_) return end_too_long("command", out);
  octets_ += line.size();
  switch (reading_) {
    case Reading::command:
      return on_command(line, out);
    case Reading::collecting:
      command_.add_line(line);
      return on_collected(out);
    case Reading::streaming:
      return on_streamed(line, out);
    case Reading::discarding:
      return reject(std::move(refusal_), literal_at_end(without_newline(line)), out);
    case Reading::sasl:
      return;
  }
}

void ImapDialogue::on_command(std::string_view line, Steps& out) {
  const auto text = without_newline(line);
  const auto literal = literal_at_end(text);
  const auto head = imap_head(text);
  if (!head) {
    last_command_ = "?";
    return reject(std::string(imap_text(ImapText::bad_command)), literal, out);
  }
  const auto verb = known_imap_verb(head->verb);
  last_command_ = verb.empty() ? "?" : verb;
  // What a client sent behind a refused LOGIN without waiting may be a password: it must not reach
  // the backend as a command.
  if (after_refusal_ && verb.empty()) {
    return reject_tagged(head->tag, imap_text(ImapText::tagged_unknown), literal, out);
  }
  after_refusal_ = false;
  if (verb == "LOGIN" || verb == "ID") {
    command_.add_line(line);
    return on_collected(out);
  }
  if (verb == "AUTHENTICATE") return on_authenticate(line, *head, literal, out);
  if (verb == "STARTTLS") return on_starttls(*head, literal, out);
  // Before login it would hide the login (RFC 4978 allows it later).
  if (verb == "COMPRESS") {
    return reject_tagged(head->tag, imap_text(ImapText::tagged_unknown), literal, out);
  }
  if (!fits(literal)) {
    return reject_tagged(head->tag, imap_text(ImapText::tagged_literal_too_big), literal, out);
  }
  if (verb == "LOGOUT") logging_out_ = true;
  outstanding_.push_back({Outstanding::Kind::passed, std::string(head->tag), {}});
  send_line(line, literal, out);
}

void ImapDialogue::on_starttls(const ImapHead& head, std::optional<ImapLiteral> literal,
                               Steps& out) {
  const bool offered =
      conditions_.transport == Transport::cleartext && conditions_.upgrade == Upgrade::offered;
  const bool has_arguments = head.arguments.find_first_not_of(' ') != std::string_view::npos;
  if (!offered || has_arguments) {
    return reject_tagged(
        head.tag,
        imap_text(offered ? ImapText::tagged_no_arguments : ImapText::tagged_starttls_bad), literal,
        out);
  }
  std::string own(head.tag);
  own.append(" ").append(imap_text(ImapText::tagged_starttls_ok));
  waiting_ = Waiting::upgrade;
  outstanding_.push_back({Outstanding::Kind::upgrade, {}, std::move(own)});
  flush_own(out);
}

void ImapDialogue::on_streamed(std::string_view line, Steps& out) {
  const auto literal = literal_at_end(without_newline(line));
  if (!fits(literal)) return end_too_long("literal", out);
  send_line(line, literal, out);
}

// A line of an ID or LOGIN has been added to command_.
void ImapDialogue::on_collected(Steps& out) {
  const auto literal = command_.announced();
  if (!fits(literal)) {
    return reject_tagged(command_.tag(), imap_text(ImapText::tagged_literal_too_big), literal, out);
  }
  if (last_command_ == "LOGIN") return on_login(out);
  if (literal) return collect_literal(*literal, out);
  on_id(out);
}

void ImapDialogue::on_id(Steps& out) {
  ImapCommand edited;
  const auto id = read_imap_id(command_, edited);
  if (!id) {
    return reject_tagged(command_.tag(), imap_text(ImapText::tagged_bad_arguments), {}, out);
  }
  if (id->cut) command_.swap(edited);
  if (!id->name.empty()) out.add(ClientNamed{NamedBy::imap_id, id->name});
  pass_command(Outstanding::Kind::passed, out);
}

// Whether a literal stays within the bound of its command.
bool ImapDialogue::fits(const std::optional<ImapLiteral>& literal) const {
  return !literal || literal->octets <= options_.line_length - octets_;
}

// Goes on to collect what command_ announces, with postern's own "+" where the client waits.
void ImapDialogue::collect_literal(const ImapLiteral& literal, Steps& out) {
  if (literal.kind == LiteralKind::synchronising) {
    answer(std::string(imap_text(ImapText::go_ahead)), out);
  }
  octets_ += static_cast<std::size_t>(literal.octets);
  command_.open_literal();
  literal_ = literal.octets;
  reading_ = Reading::collecting;
}

// Begins to pass command_ on.
void ImapDialogue::pass_command(Outstanding::Kind kind, Steps& out) {
  outstanding_.push_back({kind, std::string(command_.tag()), {}});
  send_piece(out);
}

void ImapDialogue::send_piece(Steps& out) {
  send_backend(command_.next_piece(), out);
  if (command_.pieces_left()) {
    waiting_ = Waiting::go_ahead;
    return;
  }
  const auto literal = command_.announced();
  command_.clear();
  follow(literal);
}

// Passes a line on that announces this, if anything.
void ImapDialogue::send_line(std::string_view line, const std::optional<ImapLiteral>& literal,
                             Steps& out) {
  std::string passed(line);
  if (literal && literal->kind == LiteralKind::non_synchronising) make_synchronising(passed);
  out.send_made(Side::backend, std::move(passed));
  follow(literal);
}

// What comes after a line that was passed on and ended with this.
void ImapDialogue::follow(const std::optional<ImapLiteral>& literal) {
  if (literal) {
    octets_ += static_cast<std::size_t>(literal->octets);
    literal_ = literal->octets;
    literal_kind_ = literal->kind;
    reading_ = Reading::streaming;
    waiting_ = Waiting::go_ahead;
    return;
  }
  reading_ = Reading::command;
  waiting_ = Waiting::nothing;
  if (!outstanding_.empty() && outstanding_.back().kind == Outstanding::Kind::login) {
    waiting_ = Waiting::answer;
  }
}

// The command that the client is in has its final answer: what of it is still on its way is
// swallowed.
void ImapDialogue::forget_rest() {
  if (command_.pieces_left()) {
    literal_.reset();
    if (const auto literal = command_.announced()) {
      octets_ += static_cast<std::size_t>(literal->octets);
      literal_ = literal->octets;
      literal_kind_ = literal->kind;
    }
  }
  command_.clear();
  waiting_ = Waiting::nothing;
  reading_ = Reading::command;
  if (literal_ && literal_kind_ == LiteralKind::non_synchronising) {
    refusal_.clear();
    reading_ = Reading::discarding;
  } else {
    literal_.reset();
  }
}

// Answers a command of which nothing was passed on, once what is on its way of it is swallowed.
// `literal` is what its last line announces.
void ImapDialogue::reject(std::string text, const std::optional<ImapLiteral>& literal, Steps& out) {
  command_.clear();
  reading_ = Reading::command;
  if (!literal || literal->kind == LiteralKind::synchronising) {
    if (is_one_too_many(out)) return;
    return answer(std::move(text), out);
  }
  if (!fits(literal)) return end_too_long("literal", out);
  octets_ += static_cast<std::size_t>(literal->octets);
  literal_ = literal->octets;
  refusal_ = std::move(text);
  reading_ = Reading::discarding;
}

// Counts a command that was answered with an error. Whether it was one too many: then it ends.
bool ImapDialogue::is_one_too_many(Steps& out) {
  if (++errors_ <= ImapGate::kMaxErrors) return false;
  end(imap_text(ImapText::bye_too_many_errors), Cause::too_many_errors, out);
  return true;
}

void ImapDialogue::reject_tagged(std::string_view tag, std::string_view text,
                                 const std::optional<ImapLiteral>& literal, Steps& out) {
  std::string line(tag);
  reject(line.append(" ").append(text), literal, out);
}

// Sends postern's own words in their turn.
void ImapDialogue::answer(std::string text, Steps& out) {
  outstanding_.push_back({Outstanding::Kind::own, {}, std::move(text)});
  flush_own(out);
}

void ImapDialogue::send_client(std::string_view line, ListMoment moment, Steps& out) {
  out.send_made(Side::client, edit_response(line, conditions_, moment));
}

void ImapDialogue::send_backend(std::string_view bytes, Steps& out) {
  out.send_made(Side::backend, std::string(bytes));
}

// The client has no more to say, and all of it that makes whole lines is with the backend.
void ImapDialogue::shut_if_ended(Steps& out) {
  if (!client_ended_ || shut_ || state_ != State::open) return;
  const bool blocked = waiting_ != Waiting::nothing ||
                       (reading_ == Reading::command && outstanding_.size() >= kMaxOutstanding);
  if (blocked && (!client_.empty() || command_.pieces_left() || waiting_ == Waiting::upgrade)) {
    return;
  }
  client_.clear();
  shut_ = true;
  out.add(Shut{Side::backend});
}

void ImapDialogue::end_too_long(std::string_view what, Steps& out) {
  out.add(Alarm{AlarmKind::line_too_long, std::string(what)});
  end(imap_text(ImapText::bye_line_too_long), Cause::line_too_long, out);
}

void ImapDialogue::end(std::string_view words, Cause cause, Steps& out) {
  if (!within_response_) out.send(Side::client, words);
  out.add(End{cause});
  state_ = State::over;
}

}  // namespace postern::protocols
