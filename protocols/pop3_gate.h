// POP3 alone before TLS, on a `required` listener: greets, lists STLS, refuses every login (before
// the password, where the client lets it), and begins TLS (RFC 2595 section 4).
#pragma once

#include <string>
#include <string_view>

#include "protocols/dialogue.h"
#include "protocols/line_buffer.h"
#include "protocols/pop3_command.h"
#include "protocols/pop3_replies.h"

namespace postern::protocols {

class Pop3Gate : public Gate {
 public:
  explicit Pop3Gate(const Options& options) : options_(options), client_(options.line_length) {}

  void greet(Steps& out) override;
  void feed(std::string_view bytes, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override { return client_.take_rest(); }
  std::string_view last_command() const override { return last_command_; }

 private:
  void line(std::string_view line, Steps& out);
  void stls(std::string_view argument, Steps& out);
  void auth(std::string_view argument, Steps& out);
  void pass(Steps& out);
  void refuse_login(Login login, bool exposed, Steps& out);
  void refuse(Pop3Reply reply, Steps& out);
  void end(Pop3Reply reply, Cause cause, Steps& out);

  const Options& options_;
  LineBuffer client_;
  Pop3CommandOrder order_;
  std::string_view last_command_;
  int commands_ = 0;
  int refusals_ = 0;
  bool user_refused_ = false;  // a PASS now belongs to the try that was refused at USER
  bool over_ = false;
};

}  // namespace postern::protocols
