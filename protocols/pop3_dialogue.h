// POP3 between client and backend until the login has succeeded: edits what the backend says of
// itself, holds each login for its verdict, matches replies to commands, keeps STLS for postern.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dialogue.h"
#include "protocols/line_buffer.h"
#include "protocols/pop3_command.h"
#include "protocols/pop3_replies.h"
#include "protocols/sasl.h"

namespace postern::protocols {

class Pop3Dialogue : public Dialogue {
 public:
  Pop3Dialogue(const Options& options, const Conditions& conditions);
  Pop3Dialogue(const Pop3Dialogue&) = delete;
  Pop3Dialogue& operator=(const Pop3Dialogue&) = delete;
  ~Pop3Dialogue() override;

  void refuse_service(Farewell why, Steps& out) override;
  void feed(Side from, std::string_view bytes, Steps& out) override;
  void decide(Verdict verdict, Steps& out) override;
  bool wants(Side side) const override;
  void ended(Side side, Ending how, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override { return client_.take_rest(); }
  std::string_view last_command() const override { return last_command_; }

 private:
  // What the client's next line means; the table is in pop3_dialogue.cc.
  enum class Phase {
    greeting,
    commands,
    deciding,
    answer,
    challenge,
    response,
    cancelled,
    upgrading,
    leaving,
    refusing,
    quit,
    over,
  };
  // Which reply comes next from the backend, or `ours`: from postern, in its turn.
  enum class Reply { single, capa, auth_list, quit, user, login, auth, ours };
  struct Expected {
    Reply reply = Reply::single;
    Pop3Reply own = Pop3Reply::noop;     // ours
    std::optional<Cause> end_with = {};  // ours: the last thing said
  };
  // Which line waits in held_ for its verdict: pass begins a try, password goes on with USER's.
  enum class Held { user, pass, password, apop, auth, response };

  // Client: pop3_dialogue.cc.
  void client_line(std::string_view line, Steps& out);
  void command(std::string_view line, Steps& out);
  void user(std::string_view line, std::string_view argument, Steps& out);
  void pass_word(std::string_view line, Steps& out);
  void auth(std::string_view line, std::string_view argument, Steps& out);
  void sasl_response(std::string_view line, Steps& out);
  void stls(std::string_view argument);
  void upgrade_if_idle(Steps& out);
  void hold(Held held, std::string_view line, Login login, Steps& out);
  void allow(Steps& out);
  void refuse_login(Steps& out);
  void answer_refused();

  // Backend: pop3_dialogue_backend.cc.
  void backend_line(std::string_view line, Steps& out);
  void greeting(std::string_view line, Steps& out);
  void reply(std::string_view line, Steps& out);
  void first_of_list(std::string_view line, Steps& out);
  void next_of_list(std::string_view line, Steps& out);
  void auth_reply(std::string_view line, Steps& out);
  void login_answer(std::string_view line, Steps& out);
  void log_in(std::string_view line, Steps& out);
  void fail_login(Steps& out);
  void unasked(std::string_view line, Steps& out);
  void backend_ended(Ending how, Steps& out);
  void no_backend(std::string words, Cause cause, Steps& out);

  // Both: pop3_dialogue.cc.
  void advance(Steps& out);
  void carry_client_end(Steps& out);
  bool reads_client() const;
  void expect(Reply reply) { expected_.push_back({reply}); }
  void answer(Pop3Reply reply);
  void refuse(Pop3Reply reply);
  void leave(Pop3Reply words, Cause cause);
  void give_own_replies(Steps& out);
  void pass(Side to, std::string_view bytes, Steps& out);
  void pass_rest(Side from, Steps& out);
  void end(Pop3Reply words, Cause cause, Steps& out);
  void end(Cause cause, Steps& out);
  bool judges_each_piece() const { return conditions_.judging == Judging::each_piece; }
  bool in_clear() const { return conditions_.transport == Transport::cleartext; }
  bool offers_stls() const { return in_clear() && conditions_.upgrade == Upgrade::offered; }
  bool hides_logins() const {
    return in_clear() && conditions_.cleartext_logins == CleartextLogins::not_offered;
  }

  const Options& options_;
  Conditions conditions_;
  Phase phase_ = Phase::greeting;
  LineBuffer client_;
  LineBuffer backend_;
  std::string_view fed_;  // what the present call brought: may be sent on without a copy
  std::vector<Expected> expected_;
  std::string list_;   // a multi-line reply, until it is complete
  std::string words_;  // `refusing`: the answer to the next command
  Cause words_cause_ = Cause::backend_refused;
  std::string held_;  // the line of the login that waits for its verdict; wiped
  Held held_as_ = Held::user;
  Login login_;  // the present try
  std::optional<SaslExchange> exchange_;
  Pop3CommandOrder order_;
  bool warns_ = false;                // login_'s success is to be followed by a warning
  Verdict verdict_ = Verdict::allow;  // on login_, the last one
  bool go_ahead_due_ = false;         // AUTH went without a response, none was sent since
  bool given_up_ = false;             // the client sent "*"
  bool user_given_ = false;           // the next PASS belongs to login_
  bool user_denied_ = false;          // postern refused login_ at USER: it refuses PASS too
  bool user_failed_ = false;          // the backend refused login_ at USER: whose is a PASS?
  bool answered_ = false;             // LoginAnswered was given for login_
  bool after_refusal_ = false;        // a refused login was the last command known
  bool late_error_may_come_ = false;  // behind a line without a status word
  bool client_ended_ = false;
  bool shut_ = false;
  int refusals_ = 0;
  std::string_view last_command_;
};

}  // namespace postern::protocols
