// SMTP and submission. See conversation.h.
#include <utility>

#include "test/sim/base64.h"
#include "test/sim/conversation.h"

namespace postern::sim {

using session::EndReason;

void Conversation::write_smtp() {
  begin("220", "220 ");
  if (is_upgrading_) {
    if (!random_.one_in(3)) smtp_hello(plan_.marks.before);
    upgrade("STARTTLS\r\n", "220 ");
  }
  smtp_hello("after.example");
  if (random_.one_in(2)) smtp_login();
  for (auto messages = random_.below(3); messages > 0; --messages) smtp_mail();
  smtp_quit();
}

void Conversation::smtp_hello(std::string_view name) {
  const auto line = "EHLO " + std::string(name) + "\r\n";
  plan_.client.push_back(say(line));
  plan_.client.push_back(reply(Reply::smtp, "250"));
  if (plan_.backends.empty()) return;  // postern's own
  is_chunking_ = random_.one_in(2);
  backend().push_back(hear(line));
  backend().push_back(say("250-" + plan_.marks.backend +
                          "\r\n250-SIZE\r\n250-PIPELINING\r\n250-STARTTLS\r\n" +
                          (is_chunking_ ? "250-CHUNKING\r\n" : "") + "250 AUTH LOGIN PLAIN\r\n"));
}

// Whether it succeeds.
bool Conversation::smtp_login() {
  const auto& marks = plan_.marks;
  auto& client = plan_.client;
  const bool names_first = plan_.is_by_user_rule || random_.one_in(2);
  if (refuses_login()) {
    client.push_back(
        say(names_first ? "AUTH LOGIN\r\n" : "AUTH PLAIN " + marks.secret_plain + "\r\n"));
    client.push_back(reply(Reply::smtp, "5"));
    return false;
  }
  if (names_first) {
    talk("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
    talk(base64(marks.user) + "\r\n", "334 UGFzc3dvcmQ6\r\n");
    client.push_back(say(marks.secret_base64 + "\r\n"));
    backend().push_back(hear(marks.secret_base64 + "\r\n"));
  } else {
    client.push_back(say("AUTH PLAIN " + marks.secret_plain + "\r\n"));
    backend().push_back(hear("AUTH PLAIN " + marks.secret_plain + "\r\n"));
  }
  const auto answer = unique("235 2.7.0");
  backend().push_back(say(answer));
  client.push_back(warns() ? reply(Reply::smtp, "235") : hear(answer));
  return true;
}

void Conversation::smtp_mail() {
  const bool is_by_chunks = is_chunking_ && random_.one_in(2);
  const bool is_pipelined = random_.one_in(2);
  auto& client = plan_.client;
  std::vector<std::pair<std::string, std::string>> group;
  group.emplace_back("MAIL FROM:<" + plan_.marks.user + "@example.com>\r\n", unique("250 2.1.0"));
  for (auto most = random_.between(1, 4); most > 0; --most) {
    group.emplace_back("RCPT TO:<u" + std::to_string(most) + "@example.com>\r\n",
                       unique("250 2.1.5"));
  }
  if (!is_by_chunks) group.emplace_back("DATA\r\n", unique("354"));
  if (is_pipelined) {
    std::string all;
    for (const auto& one : group) all += one.first;
    client.push_back(say(all));
  }
  for (const auto& [command, answer] : group) {
    if (!is_pipelined) client.push_back(say(command));
    backend().push_back(hear(command));
    backend().push_back(say(answer));
    client.push_back(hear(answer));
  }
  if (is_by_chunks) return smtp_chunks();
  const auto body = make_body(Body::Kind::lines, 200'000);
  const auto answer = unique("250 2.0.0 taken");
  client.push_back(say_body(body));
  client.push_back(say(".\r\n"));
  client.push_back(hear(answer));
  backend().push_back(hear_body(body));
  backend().push_back(hear(".\r\n"));
  backend().push_back(say(answer));
}

void Conversation::smtp_chunks() {
  for (auto left = random_.between(1, 3); left > 0; --left) {
    const auto body = make_body(Body::Kind::bytes, 200'000);
    const auto line = "BDAT " + std::to_string(body.size) + (left == 1 ? " LAST\r\n" : "\r\n");
    const auto answer = unique("250 2.0.0 chunk");
    plan_.client.push_back(say(line));
    plan_.client.push_back(say_body(body));
    plan_.client.push_back(hear(answer));
    backend().push_back(hear(line));
    backend().push_back(hear_body(body));
    backend().push_back(say(answer));
  }
}

void Conversation::smtp_quit() {
  talk("QUIT\r\n", unique("221 2.0.0"));
  plan_.client.push_back(only(Op::Kind::hear_end));
  backend().push_back(only(Op::Kind::hear_end));
  plan_.ends = {EndReason::client_quit};
}

}  // namespace postern::sim
