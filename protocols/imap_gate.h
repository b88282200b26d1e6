// IMAP before TLS on a `required` listener (RFC 9051 section 3.1, 6.1, 6.2.1): answers alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"
#include "protocols/imap_lexer.h"
#include "protocols/line_buffer.h"

namespace postern::protocols {

// The `* BYE …` line for a client, its CRLF included.
std::string imap_farewell(Farewell why, const Options& options);

// The words behind a tag for a login that is refused for want of TLS, or all the same; with help.
std::string imap_refusal(std::string_view tag, Transport transport, const Options& options);

// A command with its literals is collected, at most Options::line_length octets; what holds a
// password is wiped as soon as it is answered. Ends after kMaxErrors bad or refused commands,
// or kMaxGateCommands in all.
class ImapGate final : public Gate {
 public:
  static constexpr int kMaxErrors = 20;

  explicit ImapGate(const Options& options);

  void greet(Steps& out) override;
  void feed(std::string_view bytes, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override;
  std::string_view last_command() const override { return last_command_; }

 private:
  enum class State { open, upgrading, over };

  bool read(Steps& out);
  void on_line(std::string_view line, Steps& out);
  void answer_command(Steps& out);
  void on_simple(std::string_view verb, Steps& out);
  void on_id(Steps& out);
  void on_login(Steps& out);
  void on_authenticate(std::string_view arguments, Steps& out);
  void refuse_login(Login login, bool exposed, Steps& out);
  void reply(std::string_view text, Steps& out);
  void reply_error(std::string_view text, Steps& out);
  void count_error(Steps& out);
  void end_too_long(std::string_view what, Steps& out);
  void end(std::string_view words, Cause cause, Steps& out);

  const Options& options_;
  LineBuffer buffer_;
  ImapCommand command_;
  std::optional<std::uint64_t> literal_;  // octets of command_'s literal still to come
  std::string_view last_command_;
  int commands_ = 0;
  int errors_ = 0;
  State state_ = State::open;
};

}  // namespace postern::protocols
