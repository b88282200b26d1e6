// SMTP before TLS on a `required` listener: what RFC 3207 4 lets through is answered here, all else
// gets 530. No backend exists yet.
#pragma once

#include "protocols/dialogue.h"
#include "protocols/line_buffer.h"
#include "protocols/smtp_farewell.h"
#include "protocols/smtp_line.h"
#include "protocols/smtp_replies.h"

namespace postern::protocols {

// Refused commands after which a client is sent away.
inline constexpr int kMaxRefusedCommands = 20;

// EHLO, HELO, NOOP, RSET, HELP and QUIT are answered, STARTTLS begins TLS. AUTH is refused with
// LoginRefused, `exposed` where its initial response held a secret. A bare CR, a bare LF, a NUL or
// a line over Options::line_length ends the session, as the command after kMaxRefusedCommands
// refused ones or kMaxGateCommands in all does.
class SmtpGate : public Gate {
 public:
  // `options` must outlive the gate.
  explicit SmtpGate(const Options& options);

  void greet(Steps& out) override;
  void feed(std::string_view bytes, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override;
  std::string_view last_command() const override { return last_; }

 private:
  enum class Phase { commands, tls, over };

  void take_lines(Steps& out);
  void answer(std::string_view line, Steps& out);
  void start_tls(std::string_view argument, Steps& out);
  void refuse_login(std::string_view argument, Steps& out);
  void refuse(SmtpReply reply, Steps& out);
  void say(SmtpReply reply, Steps& out);
  void finish(SmtpReply reply, Cause cause, Steps& out);

  const Options& options_;
  LineBuffer in_;
  Phase phase_ = Phase::commands;
  int commands_ = 0;
  int refused_ = 0;
  std::string_view last_;
};

}  // namespace postern::protocols
