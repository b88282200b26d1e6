// POP3. See conversation.h.
#include "test/sim/conversation.h"

namespace postern::sim {

using session::EndReason;

void Conversation::write_pop3() {
  begin("+OK", "+OK");
  if (is_upgrading_) {
    if (random_.one_in(2)) {
      plan_.client.push_back(say("CAPA\r\n"));
      plan_.client.push_back(reply(Reply::pop3_list, "+OK"));
      if (!plan_.backends.empty()) {
        backend().push_back(hear("CAPA\r\n"));
        backend().push_back(say(unique("+OK") + "USER\r\nUIDL\r\n.\r\n"));
      }
    }
    upgrade("STLS\r\n", "+OK");
  }
  if (random_.one_in(2)) {
    plan_.client.push_back(say("CAPA\r\n"));
    plan_.client.push_back(reply(Reply::pop3_list, "+OK"));
    backend().push_back(hear("CAPA\r\n"));
    backend().push_back(say(unique("+OK") + "USER\r\nSTLS\r\nUIDL\r\n.\r\n"));
  }
  if (!random_.one_in(5) && pop3_login()) return pass_through();
  talk("QUIT\r\n", unique("+OK"));
  plan_.client.push_back(only(Op::Kind::hear_end));
  backend().push_back(only(Op::Kind::half_close));
  backend().push_back(only(Op::Kind::hear_end));
  plan_.ends = {EndReason::client_quit};
}

// Whether it succeeds.
bool Conversation::pop3_login() {
  const auto& marks = plan_.marks;
  auto& client = plan_.client;
  if (refuses_login()) {
    client.push_back(say("USER " + marks.user + "\r\n"));
    client.push_back(reply(Reply::pop3, "-ERR"));
    return false;
  }
  if (plan_.is_by_user_rule || random_.one_in(2)) {
    talk("USER " + marks.user + "\r\n", unique("+OK"));
    client.push_back(say("PASS " + marks.secret + "\r\n"));
    backend().push_back(hear("PASS " + marks.secret + "\r\n"));
  } else {
    talk("AUTH PLAIN\r\n", "+ \r\n");
    client.push_back(say(marks.secret_plain + "\r\n"));
    backend().push_back(hear(marks.secret_plain + "\r\n"));
  }
  const auto answer = unique("+OK");
  backend().push_back(say(answer));
  client.push_back(warns() ? reply(Reply::pop3, "+OK") : hear(answer));
  return true;
}

}  // namespace postern::sim
