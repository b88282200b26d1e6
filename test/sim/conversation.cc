// See conversation.h. Here: what all protocols share.
#include "test/sim/conversation.h"

#include <algorithm>
#include <chrono>

namespace postern::sim {

using conf::TlsMode;
using protocols::Protocol;
using session::EndReason;

Conversation::Conversation(Random& random, Plan& plan) : random_(random), plan_(plan) {}

void Conversation::write() {
  const bool may_upgrade =
      plan_.mode == TlsMode::optional || (plan_.mode == TlsMode::automatic && !plan_.begins_in_tls);
  is_upgrading_ = plan_.mode == TlsMode::required || (may_upgrade && !random_.one_in(3));
  switch (plan_.protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return write_smtp();
    case Protocol::imap:
      return write_imap();
    case Protocol::pop3:
      return write_pop3();
  }
}

std::string Conversation::unique(std::string_view begin) {
  return std::string(begin) + " " + plan_.marks.backend + " " + std::to_string(++lines_) + "\r\n";
}

void Conversation::talk(const std::string& command, const std::string& answer) {
  plan_.client.push_back(say(command));
  backend().push_back(hear(command));
  backend().push_back(say(answer));
  plan_.client.push_back(hear(answer));
}

Body Conversation::make_body(Body::Kind kind, std::size_t most) {
  // Mostly small ones; now and then one that is larger than all queues.
  auto size = random_.between(0, random_.one_in(6) ? most : 4096);
  if (kind == Body::Kind::lines) size = std::max<std::size_t>(64, size / 64 * 64);
  return {random_.next(), size, kind};
}

// A connection to a backend that will greet. Servers before it fail in one way or another.
void Conversation::start_backend() {
  const auto refusal = plan_.protocol == Protocol::imap   ? "* BYE "
                       : plan_.protocol == Protocol::pop3 ? "-ERR "
                                                          : "421 ";
  const auto failing = random_.below(plan_.servers);
  for (std::uint64_t i = 0; i < failing; ++i) {
    BackendPart part;
    part.trust = Trust::octets;
    part.fate.delay = static_cast<Moment>(random_.below(20'000));
    switch (random_.below(5)) {
      case 0:
        part.fate.kind = DialFate::Kind::refused;
        break;
      case 1:
        part.fate.kind = DialFate::Kind::ignored;
        break;
      case 2:
        part.fate.kind = DialFate::Kind::gone_at_once;
        break;
      case 3:
        part.script = {say(unique(refusal)), only(Op::Kind::hear_end)};
        break;
      default:
        part.script = {only(Op::Kind::close)};
        break;
    }
    plan_.backends.push_back(part);
  }
  BackendPart part;
  part.fate.delay = static_cast<Moment>(random_.below(20'000));
  // Old servers look names up before they greet: longer than a connect may take.
  if (random_.one_in(10)) part.script.push_back(wait(micros(std::chrono::seconds(20))));
  plan_.backends.push_back(part);
}

// From the connection's beginning to the point where commands are said, the greeting included.
void Conversation::begin(std::string_view greeting, std::string_view own_greeting) {
  if (plan_.mode == TlsMode::required) {
    plan_.client.push_back(reply(Reply::pop3, std::string(own_greeting)));
    return;
  }
  if (plan_.mode == TlsMode::implicit || plan_.begins_in_tls) {
    plan_.client.push_back(only(Op::Kind::start_tls));
    has_tls_ = true;
  }
  start_backend();
  const auto line = unique(greeting);
  backend().push_back(say(line));
  plan_.client.push_back(hear(line));
}

// To TLS, and to a backend that is another one.
void Conversation::upgrade(const std::string& command, std::string_view go_ahead) {
  if (!is_upgrading_) return;
  if (random_.one_in(3)) {
    plan_.client.push_back(
        {.kind = Op::Kind::glued_tls, .text = command, .other = std::string(go_ahead)});
  } else {
    plan_.client.push_back(say(command));
    plan_.client.push_back(reply(Reply::pop3, std::string(go_ahead)));
    plan_.client.push_back(only(Op::Kind::start_tls));
  }
  if (!plan_.backends.empty()) backend().push_back(only(Op::Kind::hear_end));
  has_tls_ = true;
  start_backend();
  const auto greeting = plan_.protocol == Protocol::imap   ? "* OK"
                        : plan_.protocol == Protocol::pop3 ? "+OK"
                                                           : "220";
  backend().push_back(say(unique(greeting)));
}

// Bytes of any kind, both ways at once, then one of the ends that there are.
void Conversation::pass_through() {
  constexpr std::size_t kMost = 300'000;
  const auto up = make_body(Body::Kind::bytes, kMost);
  const auto down = make_body(Body::Kind::lines, kMost);
  auto& client = plan_.client;
  client.push_back(exchange(up, down));
  backend().push_back(exchange(down, up));
  switch (random_.below(3)) {
    case 0: {  // the client has no more to say, the backend has
      const auto rest = make_body(Body::Kind::bytes, kMost);
      client.push_back(only(Op::Kind::half_close));
      client.push_back(hear_body(rest));
      client.push_back(only(Op::Kind::hear_end));
      backend().push_back(only(Op::Kind::hear_end));
      backend().push_back(say_body(rest));
      backend().push_back(only(Op::Kind::half_close));
      plan_.ends = {EndReason::client_closed};
      return;
    }
    case 1: {  // the backend says farewell
      if (plan_.protocol == Protocol::imap) {
        const auto bye = unique("* BYE");
        backend().push_back(say(bye));
        client.push_back(hear(bye));
      }
      backend().push_back(only(Op::Kind::half_close));
      backend().push_back(only(Op::Kind::hear_end));
      client.push_back(only(Op::Kind::hear_end));
      plan_.ends = {EndReason::backend_closed, EndReason::client_closed};
      return;
    }
    default:  // the client goes
      client.push_back(only(Op::Kind::half_close));
      client.push_back(only(Op::Kind::hear_end));
      backend().push_back(only(Op::Kind::hear_end));
      plan_.ends = {EndReason::client_closed};
      return;
  }
}

}  // namespace postern::sim
