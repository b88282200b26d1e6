// SMTP between client and backend (RFC 5321, 2920, 3030, 3207, 4954). It stays in the stream to the
// end: it matches each reply to its command, so that its own replies come in their turn, edits
// EHLO's list, holds logins until they are judged, and guards messages.
//
// The phases, by what becomes of the client's octets, and what leads on:
//
//   greeting             wait            2xx: command.  Else, where it was swallowed: words
//   command              command lines   MAIL, RCPT, RSET, NOOP, BDAT's line: command (pipelined)
//                                        any other that is passed on: reply
//                                        AUTH: verdict_on_start.  STARTTLS: upgrade
//                                        BDAT n: chunk, or skipped_chunk where it is not offered
//   reply                wait            the awaited reply: command; 354 to DATA: message;
//                                        334 to AUTH: response
//   verdict_on_start     none come       allow: reply.  refuse: command
//   response             SASL responses  one that brings a name: verdict_on_response; others: reply
//   verdict_on_response  none come       allow: reply.  refuse: reply (to `*`), then command
//   message              a message       CRLF.CRLF: command
//   chunk                counted, passed none left: command
//   skipped_chunk        counted, lost   none left: command
//   upgrade              wait (for TLS)  no reply outstanding: BeginTls, over
//   words                one line        it is answered for a backend that is gone, or never was:
//                                        over
//   last_words           lost            the client did wrong; its last reply, in its turn: over
//   over                 -
//
// From each of them a backend that ends, or is no SMTP server, and a farewell lead to over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/dialogue.h"
#include "protocols/line_buffer.h"
#include "protocols/sasl.h"
#include "protocols/smtp_body.h"
#include "protocols/smtp_line.h"
#include "protocols/smtp_replies.h"

namespace postern::protocols {

// Commands whose replies are outstanding; when so many are, the client waits.
inline constexpr std::size_t kMaxOutstanding = 256;
// One line of a backend's reply, and a whole EHLO or refused greeting, in octets.
inline constexpr std::size_t kMaxReplyLine = 64 * 1024;
inline constexpr std::size_t kMaxHeldReply = 64 * 1024;

class SmtpDialogue : public Dialogue {
 public:
  // `options` must outlive the dialogue.
  SmtpDialogue(const Options& options, const Conditions& conditions);
  ~SmtpDialogue() override;

  void refuse_service(Farewell why, Steps& out) override;
  void feed(Side from, std::string_view bytes, Steps& out) override;
  void decide(Verdict verdict, Steps& out) override;
  bool wants(Side side) const override;
  void ended(Side side, Ending how, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override;
  std::string_view last_command() const override { return last_; }

  // Octets kept at the moment, so that a test can see their bound.
  std::size_t kept() const;

 private:
  enum class Phase {
    greeting,
    command,
    reply,
    verdict_on_start,
    verdict_on_response,
    response,
    message,
    chunk,
    skipped_chunk,
    upgrade,
    words,
    last_words,
    over,
  };
  // What a reply is the answer to; the last two are no replies of the backend's.
  enum class Awaited : std::uint8_t {
    greeting,
    ehlo,
    helo,
    mail,
    data,
    auth,       // AUTH, or a response in its exchange
    given_up,   // the client's own `*`
    cancelled,  // the `*` that postern sent; swallowed
    quit,
    plain,     // a command behind which others may follow
    blocking,  // a command behind which the client waits
    farewell,  // nothing: the backend's own 421
    own,
    last_words,
  };
  struct Outstanding {
    Awaited what;
    SmtpReply own = SmtpReply::ok;
    Cause cause = Cause::farewell;
  };

  // The client's side (smtp_dialogue.cc). Each gives whether something moved.
  void run(Steps& out);
  bool step_client(Steps& out);
  bool take_command(Steps& out);
  bool take_response(Steps& out);
  bool take_message(Steps& out);
  bool take_chunk(Steps& out);
  bool take_upgrade(Steps& out);
  bool take_words(Steps& out);
  bool end_client(Steps& out);
  std::optional<std::string_view> take_line(Steps& out);
  void obey(std::string_view line, Steps& out);
  void start_login(std::string_view line, std::string_view argument, Steps& out);
  void start_chunk(std::string_view line, Steps& out);
  void start_upgrade(std::string_view argument, Steps& out);
  void hold(std::string_view line, Phase until, Steps& out);
  void refuse_login(Steps& out);
  void pass(std::string_view line, Awaited what, Steps& out);
  void refuse(SmtpReply reply, Steps& out);
  void finish(SmtpReply reply, Cause cause, Steps& out);

  // The backend's side (smtp_dialogue_replies.cc).
  bool step_backend(Steps& out);
  void take_reply_line(std::string_view line, Steps& out);
  void take_unasked(std::string_view line, const SmtpReplyLine& reply, Steps& out);
  void take_greeting(std::string_view line, const SmtpReplyLine& reply, Steps& out);
  void take_ehlo(std::string_view line, const SmtpReplyLine& reply, Steps& out);
  void complete(Awaited what, const SmtpReplyLine& reply, Steps& out);
  void pass_reply(std::string_view line, Awaited what, const SmtpReplyLine& reply, Steps& out);
  void complete_login(const SmtpReplyLine& reply, Steps& out);
  void complete_cancelled(const SmtpReplyLine& reply, Steps& out);
  void say_own(Steps& out);
  void backend_failed(SmtpReply reply, Cause cause, Steps& out);
  void no_backend(std::string words, Cause cause, Steps& out);

  void forward(Side to, std::string_view bytes, Steps& out) const;
  void end(Cause cause, Steps& out);
  bool running() const;
  SmtpReply login_refusal() const;

  const Options& options_;
  const Conditions conditions_;
  LineBuffer in_;         // from the client
  LineBuffer replies_;    // from the backend
  std::string_view fed_;  // the piece of the present call: views into it need no copy
  Phase phase_ = Phase::greeting;
  std::vector<Outstanding> outstanding_;  // in the order of their commands
  SmtpBody body_;
  std::uint64_t chunk_left_ = 0;
  std::optional<SaslExchange> exchange_;
  std::string held_line_;   // of a login that is being judged
  std::string held_reply_;  // EHLO's, or the words of a refused greeting
  Cause words_cause_ = Cause::backend_refused;
  std::string_view last_;
  int refused_ = 0;
  bool mid_reply_ = false;            // the client has seen a reply's beginning, not its end
  bool said_421_ = false;             // the backend's last reply was its farewell
  bool chunking_ = false;             // the backend offered CHUNKING
  bool after_refusal_ = false;        // a refused AUTH was the last command known
  bool after_message_ = false;        // a refused DATA was
  bool warns_ = false;                // a warning goes with the login's success
  Verdict verdict_ = Verdict::allow;  // on the login, the last one
  bool layer_may_begin_ = false;      // a login may have agreed on a SASL security layer
  bool mail_begun_ = false;
  bool client_ended_ = false;
  bool shut_ = false;
};

}  // namespace postern::protocols
