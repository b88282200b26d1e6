// See imap_gate.h.
//
//   state      on                       then
//   open       a command                its answer; open
//   open       STARTTLS                 OK, BeginTls; upgrading
//   open       LOGOUT                   BYE, OK; over
//   open       error 21, command 101, bare CR/LF/NUL, over-long line or literal   BYE; over
//   upgrading  bytes                    kept for the TLS engine, never looked at
//   over       bytes                    dropped
#include "protocols/imap_gate.h"

#include <utility>

#include "protocols/gate_bounds.h"
#include "protocols/help.h"
#include "protocols/imap_id.h"
#include "protocols/imap_login.h"
#include "protocols/imap_replies.h"
#include "protocols/sasl.h"

namespace postern::protocols {

namespace {

ImapText text_of(Farewell why) {
  switch (why) {
    case Farewell::backend_unreachable:
      return ImapText::bye_backend_unreachable;
    case Farewell::backend_lost:
      return ImapText::bye_backend_lost;
    case Farewell::shutting_down:
      return ImapText::bye_shutting_down;
    case Farewell::login_timeout:
      return ImapText::bye_login_timeout;
    case Farewell::idle_timeout:
      return ImapText::bye_idle_timeout;
    case Farewell::too_many_connections:
      return ImapText::bye_too_many_connections;
    case Farewell::out_of_resources:
      return ImapText::bye_out_of_resources;
    case Farewell::tls_on_clear_port:
      return ImapText::bye_tls_on_clear_port;
    case Farewell::clear_on_tls_port:
      return ImapText::bye_clear_on_tls_port;
    case Farewell::old_tls_1_0:
      return ImapText::bye_old_tls_1_0;
    case Farewell::old_tls_1_1:
      return ImapText::bye_old_tls_1_1;
    case Farewell::old_tls_1_2:
      return ImapText::bye_old_tls_1_2;
  }
  __builtin_unreachable();
}

bool is_with_help(Farewell why) {
  return why == Farewell::old_tls_1_0 || why == Farewell::old_tls_1_1 ||
         why == Farewell::old_tls_1_2;
}

}  // namespace

std::string imap_farewell(Farewell why, const Options& options) {
  const auto words = imap_text(text_of(why));
  return is_with_help(why) ? with_help(words, options) : std::string(words);
}

std::string imap_refusal(std::string_view tag, Transport transport, const Options& options) {
  std::string line(tag);
  line.append(" ").append(imap_text(transport == Transport::cleartext
                                        ? ImapText::tagged_privacy_required
                                        : ImapText::tagged_not_allowed));
  return with_help(line, options);
}

ImapGate::ImapGate(const Options& options) : options_(options), buffer_(options.line_length) {}

void ImapGate::greet(Steps& out) {
  out.send_made(Side::client, with_host(imap_text(ImapText::gate_greeting), options_));
}

void ImapGate::feed(std::string_view bytes, Steps& out) {
  if (state_ == State::over) return;
  buffer_.open(bytes);
  while (state_ == State::open && read(out)) {
  }
  if (state_ == State::over) buffer_.clear();
  buffer_.close();
}

void ImapGate::farewell(Farewell why, Steps& out) {
  if (state_ == State::over) return;
  out.send_made(Side::client, imap_farewell(why, options_));
  end({}, Cause::farewell, out);
}

std::string ImapGate::take_rest() { return buffer_.take_rest(); }

// Takes the next line or piece of a literal; false when there is none.
bool ImapGate::read(Steps& out) {
  if (literal_) {
    if (*literal_ > 0) {
      const auto octets = buffer_.take(static_cast<std::size_t>(*literal_));
      if (octets.empty()) return false;
      command_.add_literal(octets);
      *literal_ -= octets.size();
    }
    if (*literal_ == 0) literal_.reset();
    return true;
  }
  const auto line = buffer_.line();
  if (!line) {
    if (buffer_.too_long()) end_too_long("line", out);
    return false;
  }
  if (!is_clean_line(*line)) {
    end(imap_text(ImapText::bye_bad_syntax), Cause::bad_syntax, out);
    return false;
  }
  on_line(*line, out);
  return true;
}

void ImapGate::on_line(std::string_view line, Steps& out) {
  if (command_.empty()) {
    const auto head = imap_head(without_newline(line));
    const auto verb = head ? known_imap_verb(head->verb) : std::string_view();
    last_command_ = verb.empty() ? "?" : verb;
    if (++commands_ > kMaxGateCommands) {
      return end(imap_text(ImapText::bye_too_many_commands), Cause::too_many_errors, out);
    }
  }
  const auto room = options_.line_length - command_.size();
  if (line.size() > room) return end_too_long("command", out);
  command_.add_line(line);
  const auto literal = command_.announced();
  if (!literal) return answer_command(out);
  const bool fits = literal->octets <= room - line.size();
  if (literal->kind == LiteralKind::synchronising) {
    // Without its "+" the client does not send it: the command ends here. Only ID is worth one.
    if (last_command_ != "ID" || !fits) return answer_command(out);
    out.send(Side::client, imap_text(ImapText::go_ahead));
  } else if (!fits) {
    return end_too_long("literal", out);
  }
  command_.open_literal();
  literal_ = literal->octets;
}

// Answers the command that is there as far as it will come.
void ImapGate::answer_command(Steps& out) {
  const auto head = imap_head(without_newline(command_.text(command_.parts().front())));
  const auto verb = last_command_;
  if (!head) {
    out.send(Side::client, imap_text(ImapText::bad_command));
    count_error(out);
  } else if (verb == "LOGIN") {
    on_login(out);
  } else if (verb == "AUTHENTICATE") {
    on_authenticate(head->arguments, out);
  } else if (verb == "ID") {
    on_id(out);
  } else if (verb == "CAPABILITY" || verb == "NOOP" || verb == "LOGOUT" || verb == "STARTTLS") {
    if (head->arguments.find_first_not_of(' ') != std::string_view::npos) {
      reply_error(imap_text(ImapText::tagged_no_arguments), out);
    } else {
      on_simple(verb, out);
    }
  } else {
    reply_error(imap_text(ImapText::tagged_unknown), out);
  }
  command_.clear();
}

void ImapGate::on_simple(std::string_view verb, Steps& out) {
  if (verb == "CAPABILITY") {
    out.send(Side::client, imap_text(ImapText::gate_capabilities));
    reply(imap_text(ImapText::tagged_capability_ok), out);
  } else if (verb == "NOOP") {
    reply(imap_text(ImapText::tagged_noop_ok), out);
  } else if (verb == "LOGOUT") {
    out.send_made(Side::client, with_host(imap_text(ImapText::gate_bye), options_));
    reply(imap_text(ImapText::tagged_logout_ok), out);
    end({}, Cause::client_quit, out);
  } else {
    reply(imap_text(ImapText::tagged_starttls_ok), out);
    state_ = State::upgrading;
    out.add(BeginTls{});
  }
}

void ImapGate::on_id(Steps& out) {
  ImapCommand edited;  // of no use here
  const auto id = command_.announced() ? std::nullopt : read_imap_id(command_, edited);
  if (!id) return reply_error(imap_text(ImapText::tagged_bad_arguments), out);
  if (!id->name.empty()) out.add(ClientNamed{NamedBy::imap_id, id->name});
  out.send(Side::client, imap_text(ImapText::gate_id));
  reply(imap_text(ImapText::tagged_id_ok), out);
}

void ImapGate::on_login(Steps& out) {
  auto arguments = read_login(command_);
  refuse_login(std::move(arguments.login), arguments.exposed, out);
}

void ImapGate::on_authenticate(std::string_view arguments, Steps& out) {
  const auto read = command_.announced() ? std::nullopt : read_authenticate(arguments);
  if (!read) return reply_error(imap_text(ImapText::tagged_bad_arguments), out);
  SaslExchange exchange(read->mechanism);
  if (read->initial_response) exchange.response(*read->initial_response);
  refuse_login(exchange.login(), exchange.has_sent_secret(), out);
}

void ImapGate::refuse_login(Login login, bool exposed, Steps& out) {
  if (exposed) out.send(Side::client, imap_text(ImapText::secret_exposed));
  out.add(LoginRefused{std::move(login), exposed});
  out.send_made(Side::client, imap_refusal(command_.tag(), Transport::cleartext, options_));
  count_error(out);
}

void ImapGate::reply(std::string_view text, Steps& out) {
  std::string line(command_.tag());
  out.send_made(Side::client, line.append(" ").append(text));
}

void ImapGate::reply_error(std::string_view text, Steps& out) {
  reply(text, out);
  count_error(out);
}

void ImapGate::count_error(Steps& out) {
  if (++errors_ <= kMaxErrors) return;
  end(imap_text(ImapText::bye_too_many_errors), Cause::too_many_errors, out);
}

void ImapGate::end_too_long(std::string_view what, Steps& out) {
  out.add(Alarm{AlarmKind::line_too_long, std::string(what)});
  end(imap_text(ImapText::bye_line_too_long), Cause::line_too_long, out);
}

void ImapGate::end(std::string_view words, Cause cause, Steps& out) {
  if (state_ == State::over) return;
  out.send(Side::client, words);
  out.add(End{cause});
  state_ = State::over;
}

}  // namespace postern::protocols
