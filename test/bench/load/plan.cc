// See plan.h.
#include "test/bench/load/plan.h"

#include <cstddef>

namespace postern::bench {
namespace {

Step command(std::string line, Answer answer = Answer::success) {
  return {.starts_tls = false, .send = std::move(line) + "\r\n", .answer = answer};
}

Script opened(Protocol protocol, Tls tls) {
  const Step greeting{.starts_tls = false, .send = "", .answer = Answer::greeting};
  const Step handshake{.starts_tls = true, .send = "", .answer = Answer::success};
  if (tls == Tls::implicit) return {handshake, greeting};
  switch (protocol) {
    case Protocol::imap:
      return {greeting, command("a STARTTLS"), handshake};
    case Protocol::smtp:
      return {greeting, command("EHLO client.test"), command("STARTTLS"), handshake};
    case Protocol::pop3:
      break;
  }
  return {greeting, command("STLS"), handshake};
}

Script login(Protocol protocol) {
  switch (protocol) {
    case Protocol::imap:
      return {command("a LOGIN user password")};
    case Protocol::smtp:
      return {command("EHLO client.test"), command("AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")};
    case Protocol::pop3:
      break;
  }
  return {command("USER user"), command("PASS password")};
}

Script noop(Protocol protocol) {
  switch (protocol) {
    case Protocol::imap:
      return {command("a NOOP")};
    case Protocol::smtp:
      return {command("NOOP")};
    case Protocol::pop3:
      break;
  }
  return {command("STAT")};  // what nginx, too, leaves to the backend
}

Script logout(Protocol protocol) {
  return {command(protocol == Protocol::imap ? "a LOGOUT" : "QUIT")};
}

Script joined(std::initializer_list<Script> scripts) {
  Script all;
  for (const auto& script : scripts) all.insert(all.end(), script.begin(), script.end());
  return all;
}

std::string message_of(std::uint64_t size) {
  std::string line;
  for (char c = '0'; line.size() < 78; c = c == 'z' ? '0' : static_cast<char>(c + 1)) line += c;
  line += "\r\n";
  std::string message = "Subject: load\r\n\r\n";
  while (message.size() < size) message += line;
  return message;
}

}  // namespace

Plan plan_of(Scenario scenario, Protocol protocol, Tls tls, std::uint64_t message) {
  Plan plan;
  const auto ready = joined({opened(protocol, tls), login(protocol)});
  const Step idle = command("a IDLE", Answer::go_ahead);
  switch (scenario) {
    case Scenario::handshake:
    case Scenario::resume:
      plan.reconnects = true;
      plan.work = joined({opened(protocol, tls), logout(protocol)});
      return plan;
    case Scenario::visit:
      plan.reconnects = true;
      plan.work = opened(protocol, tls);
      return plan;
    case Scenario::session:
      plan.reconnects = true;
      plan.work = joined({ready, noop(protocol), logout(protocol)});
      return plan;
    case Scenario::down:
      plan.open = joined({ready, {command("a SELECT INBOX")}});
      plan.work = {command("a FETCH 1 BODY[]")};
      break;
    case Scenario::up: {
      auto text = message_of(message);
      plan.upload = text.size();
      plan.open = ready;
      plan.work = {command("MAIL FROM:<a@client.test>"), command("RCPT TO:<b@client.test>"),
                   command("DATA", Answer::go_ahead), command(std::move(text) + ".")};
      break;
    }
    case Scenario::noop:
      plan.open = ready;
      plan.work = noop(protocol);
      break;
    case Scenario::idle:
      plan.open = joined({ready, {idle}});
      plan.work = {command("DONE"), idle};
      break;
  }
  plan.close = logout(protocol);
  if (scenario == Scenario::idle) plan.close.insert(plan.close.begin(), command("DONE"));
  return plan;
}

}  // namespace postern::bench
