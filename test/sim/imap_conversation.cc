// IMAP. See conversation.h.
#include "test/sim/base64.h"
#include "test/sim/conversation.h"

namespace postern::sim {

using session::EndReason;

void Conversation::write_imap() {
  begin("* OK", "* OK");
  if (is_upgrading_) {
    if (random_.one_in(2)) {
      const auto mine = tag();
      const auto line = mine + " ID (\"name\" \"" + plan_.marks.before + "\")\r\n";
      plan_.client.push_back(say(line));
      plan_.client.push_back(reply(Reply::imap, mine + " OK"));
      if (!plan_.backends.empty()) {
        backend().push_back(hear(line));
        backend().push_back(say("* ID NIL\r\n" + unique(mine + " OK")));
      }
    }
    const auto mine = tag();
    upgrade(mine + " STARTTLS\r\n", mine + " OK");
  }
  if (random_.one_in(2)) {
    const auto mine = tag();
    plan_.client.push_back(say(mine + " CAPABILITY\r\n"));
    plan_.client.push_back(reply(Reply::imap, mine + " OK"));
    backend().push_back(hear(mine + " CAPABILITY\r\n"));
    backend().push_back(
        say("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN IDLE\r\n" + unique(mine + " OK")));
  }
  if (!random_.one_in(5) && imap_login()) {
    pass_through();
  } else {
    imap_logout();
  }
}

// Whether it succeeds.
bool Conversation::imap_login() {
  if (refuses_login()) {
    const auto mine = tag();
    plan_.client.push_back(
        say(mine + " LOGIN " + plan_.marks.user + " " + plan_.marks.secret + "\r\n"));
    plan_.client.push_back(reply(Reply::imap, mine + " NO"));
    return false;
  }
  if (plan_.is_by_user_rule || !random_.one_in(3)) {
    imap_login_command();
    return true;
  }
  const auto mine = tag();
  talk(mine + " AUTHENTICATE PLAIN\r\n", "+ \r\n");
  plan_.client.push_back(say(plan_.marks.secret_plain + "\r\n"));
  backend().push_back(hear(plan_.marks.secret_plain + "\r\n"));
  imap_answer(mine);
  return true;
}

// LOGIN in one of its forms. Towards the backend every literal waits for its "+".
void Conversation::imap_login_command() {
  const auto& marks = plan_.marks;
  auto& client = plan_.client;
  const auto mine = tag();
  const auto user_size = std::to_string(marks.user.size());
  const auto secret_size = std::to_string(marks.secret.size());
  switch (random_.below(4)) {
    case 0: {
      const auto line = mine + " LOGIN " + marks.user + " \"" + marks.secret + "\"\r\n";
      client.push_back(say(line));
      backend().push_back(hear(line));
      break;
    }
    case 1:
      client.push_back(say(mine + " LOGIN {" + user_size + "+}\r\n" + marks.user + " {" +
                           secret_size + "+}\r\n" + marks.secret + "\r\n"));
      backend().push_back(hear(mine + " LOGIN {" + user_size + "}\r\n"));
      backend().push_back(say("+ go\r\n"));
      backend().push_back(hear(marks.user + " {" + secret_size + "}\r\n"));
      backend().push_back(say("+ go\r\n"));
      backend().push_back(hear(marks.secret + "\r\n"));
      break;
    case 2:
      client.push_back(say(mine + " LOGIN {" + user_size + "}\r\n"));
      client.push_back(reply(Reply::imap, "+"));
      client.push_back(say(marks.user + " {" + secret_size + "}\r\n"));
      client.push_back(reply(Reply::imap, "+"));
      client.push_back(say(marks.secret + "\r\n"));
      backend().push_back(hear(mine + " LOGIN {" + user_size + "}\r\n"));
      backend().push_back(say("+ go\r\n"));
      backend().push_back(hear(marks.user + " {" + secret_size + "}\r\n"));
      backend().push_back(say("+ go\r\n"));
      backend().push_back(hear(marks.secret + "\r\n"));
      break;
    default:
      client.push_back(say(mine + " LOGIN " + marks.user + " {" + secret_size + "}\r\n"));
      client.push_back(reply(Reply::imap, "+"));
      client.push_back(say(marks.secret + "\r\n"));
      backend().push_back(hear(mine + " LOGIN " + marks.user + " {" + secret_size + "}\r\n"));
      backend().push_back(say("+ go\r\n"));
      backend().push_back(hear(marks.secret + "\r\n"));
      break;
  }
  imap_answer(mine);
}

void Conversation::imap_answer(std::string_view tag) {
  const auto answer = unique(std::string(tag) + " OK");
  backend().push_back(say(answer));
  plan_.client.push_back(warns() ? reply(Reply::imap, std::string(tag) + " OK") : hear(answer));
}

void Conversation::imap_logout() {
  const auto mine = tag();
  talk(mine + " LOGOUT\r\n", unique("* BYE") + unique(mine + " OK"));
  plan_.client.push_back(only(Op::Kind::hear_end));
  backend().push_back(only(Op::Kind::half_close));
  backend().push_back(only(Op::Kind::hear_end));
  plan_.ends = {EndReason::client_quit};
}

}  // namespace postern::sim
