// IMAP between client and backend, until a login succeeds (RFC 9051 section 2.2, 3, 6.1, 6.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dialogue.h"
#include "protocols/imap_boundary.h"
#include "protocols/imap_lexer.h"
#include "protocols/imap_response.h"
#include "protocols/line_buffer.h"
#include "protocols/sasl.h"

namespace postern::protocols {

// Bounds before login: a line, and a command with all its literals, Options::line_length octets;
// kMaxOutstanding commands unanswered, ImapGate::kMaxErrors bad or refused ones. Nothing bounds a
// backend's literal, which is passed on as it comes. After login only ImapBoundary's few octets of
// state are kept.
class ImapDialogue final : public Dialogue {
 public:
  static constexpr std::size_t kMaxOutstanding = 32;

  ImapDialogue(const Options& options, const Conditions& conditions);

  void refuse_service(Farewell why, Steps& out) override;
  void feed(Side from, std::string_view bytes, Steps& out) override;
  void decide(Verdict verdict, Steps& out) override;
  bool wants(Side side) const override;
  void ended(Side side, Ending how, Steps& out) override;
  void farewell(Farewell why, Steps& out) override;
  std::string take_rest() override;
  std::string_view last_command() const override { return last_command_; }
  std::unique_ptr<Passage> let_go() const override;

 private:
  enum class State { open, upgrading, over };
  // What the client's next octets are.
  enum class Reading { command, collecting, streaming, discarding, sasl };
  // What must come from the backend before the client is read on.
  enum class Waiting { nothing, greeting, go_ahead, challenge, answer, upgrade };
  // Which login waits for decide().
  enum class Held { nothing, login_part, login, sasl_start, sasl_response };

  // A command without its answer yet, or an answer of postern's own in its turn.
  struct Outstanding {
    enum class Kind {
      passed,
      login,
      cancelled,  // a refused SASL exchange: the backend's answer is swallowed for `own`
      own,        // `own` is to be sent
      upgrade,    // `own` is to be sent, then TLS begins
    };
    Kind kind = Kind::passed;
    std::string tag;
    std::string own;
  };

  void run(Steps& out);
  bool is_running() const { return state_ == State::open && held_ == Held::nothing; }

  // The client's side: imap_dialogue.cc.
  bool read_client(Steps& out);
  void read_literal(Steps& out);
  void on_line(std::string_view line, Steps& out);
  void on_command(std::string_view line, Steps& out);
  void on_starttls(const ImapHead& head, std::optional<ImapLiteral> literal, Steps& out);
  void on_streamed(std::string_view line, Steps& out);
  void on_collected(Steps& out);
  void on_id(Steps& out);
  bool fits(const std::optional<ImapLiteral>& literal) const;
  void collect_literal(const ImapLiteral& literal, Steps& out);
  void pass_command(Outstanding::Kind kind, Steps& out);
  void send_piece(Steps& out);
  void send_line(std::string_view line, const std::optional<ImapLiteral>& literal, Steps& out);
  void follow(const std::optional<ImapLiteral>& literal);
  void forget_rest();
  void reject(std::string text, const std::optional<ImapLiteral>& literal, Steps& out);
  bool is_one_too_many(Steps& out);
  void reject_tagged(std::string_view tag, std::string_view text,
                     const std::optional<ImapLiteral>& literal, Steps& out);
  void answer(std::string text, Steps& out);

  // Logins: imap_dialogue_login.cc.
  void on_login(Steps& out);
  void on_authenticate(std::string_view line, const ImapHead& head,
                       const std::optional<ImapLiteral>& literal, Steps& out);
  void on_sasl_response(std::string_view line, Steps& out);
  void hold(Held held, LoginTried tried, Steps& out);
  void hold_exchange(Held held, Steps& out);
  void allow(Held held, Steps& out);
  void refuse(Held held, Steps& out);
  std::string refusal(std::string_view tag) const;
  void log_in(std::string_view line, Steps& out);
  void login_failed(Steps& out);

  // The backend's side: imap_dialogue_backend.cc.
  bool read_backend(Steps& out);
  void on_response(std::string_view line, Steps& out);
  void on_greeting(std::string_view line, Steps& out);
  void on_untagged(std::string_view line, ImapStatus status, Steps& out);
  void on_continuation(std::string_view line, Steps& out);
  void on_tagged(std::string_view line, const ImapResponse& response, Steps& out);
  void flush_own(Steps& out);
  void end_injected(std::string_view what, Steps& out);

  void send_client(std::string_view line, ListMoment moment, Steps& out);
  static void send_backend(std::string_view bytes, Steps& out);
  void shut_if_ended(Steps& out);
  void end_too_long(std::string_view what, Steps& out);
  // Says the words where a line may stand now, then ends.
  void end(std::string_view words, Cause cause, Steps& out);

  const Options& options_;
  const Conditions conditions_;
  State state_ = State::open;
  Reading reading_ = Reading::command;
  Waiting waiting_ = Waiting::greeting;
  Held held_ = Held::nothing;

  LineBuffer client_;
  LineBuffer backend_;

  std::string_view last_command_;
  ImapCommand command_;                   // being collected, held, or passed on piece by piece
  std::size_t octets_ = 0;                // of the client's command so far
  std::optional<std::uint64_t> literal_;  // of the client's literal, still to come
  LiteralKind literal_kind_ = LiteralKind::synchronising;  // as the client announced it
  std::string refusal_;  // what answers a command that is being discarded
  std::vector<Outstanding> outstanding_;

  Login login_;  // as last judged
  std::optional<SaslExchange> exchange_;
  bool secret_sent_ = false;          // of login_: as LoginTried says
  bool warns_ = false;                // of login_: a warning comes before its success
  Verdict verdict_ = Verdict::allow;  // on login_, the last one

  std::uint64_t backend_literal_ = 0;  // of the backend's literal, still to come
  bool within_response_ = false;       // the backend's next octets go on with a response
  int errors_ = 0;                     // that postern answered with
  bool said_bye_ = false;
  bool logging_out_ = false;
  bool after_refusal_ = false;  // a refused login was the last command known
  bool client_ended_ = false;
  bool shut_ = false;
  ImapBoundary boundary_;
};

}  // namespace postern::protocols
