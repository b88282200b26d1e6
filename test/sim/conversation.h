// Honest conversations: both parts of them, as mail programs and servers speak.
#pragma once

#include <string>
#include <string_view>

#include "test/sim/plan.h"
#include "test/sim/random.h"

namespace postern::sim {

// Writes the client's and the backends' scripts of a plan side by side.
class Conversation {
 public:
  Conversation(Random& random, Plan& plan);

  // The whole: greeting, perhaps an upgrade, perhaps a login, what they are there for, the end.
  void write();

 private:
  // Each of the parts, in its protocol's words.
  void write_smtp();
  void write_imap();
  void write_pop3();

  void begin(std::string_view greeting, std::string_view own_greeting);
  void upgrade(const std::string& command, std::string_view go_ahead);
  void start_backend();
  void say_in_clear_first();

  // smtp_conversation.cc
  void smtp_hello(std::string_view name);
  bool smtp_login();
  void smtp_mail();
  void smtp_data(std::string& pipelined);
  void smtp_chunks();
  void smtp_quit();
  // imap_conversation.cc
  bool imap_login();
  void imap_login_command();
  void imap_answer(std::string_view tag);
  void imap_logout();
  std::string tag() { return "a" + std::to_string(++tags_); }
  // pop3_conversation.cc
  bool pop3_login();
  // After the login of IMAP and POP3: bytes both ways.
  void pass_through();

  Body make_body(Body::Kind kind, std::size_t most);
  // A line of the backend's that no other is equal to.
  std::string unique(std::string_view begin);
  // The client says a command, the backend hears it, and its answer comes through as it is.
  void talk(const std::string& command, const std::string& answer);
  bool is_clear() const { return !has_tls_; }
  // Whether a login at this point is refused, or its answer changed.
  bool refuses_login() const { return is_clear() && plan_.clear_logins == ClearLogins::refused; }
  bool warns() const { return is_clear() && plan_.clear_logins == ClearLogins::warned; }
  Script& backend() { return plan_.backends.back().script; }

  Random& random_;
  Plan& plan_;
  bool has_tls_ = false;
  bool is_upgrading_ = false;  // it will, or has
  bool is_chunking_ = false;
  int tags_ = 0;
  int lines_ = 0;
};

}  // namespace postern::sim
