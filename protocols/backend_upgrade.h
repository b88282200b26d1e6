// Asks a backend in clear for its upgrade to TLS (STARTTLS of RFC 3207 and RFC 9051 section 6.2.1, STLS
// of RFC 2595), before there is a dialogue. Pure: bytes in, commands out.
//
//   greeting --> EHLO (SMTP) --> STARTTLS --go-ahead--> upgraded
//       any of them ------------------------------> failed: there is no way back to clear text
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"
#include "protocols/line_buffer.h"

namespace postern::protocols {

enum class UpgradeFailure {
  none,
  refused,      // it greets with a refusal, as a server without TLS might: greeting() has it
  greeting,     // it greets with PREAUTH, or with what is no greeting
  not_offered,  // it has no STARTTLS, or refuses it
  protocol,     // what it says is no reply, or too long
  closed,
  // Somebody on the way wrote it:
  response_injection,  // clear text stood behind the go-ahead
  early_reply,         // a reply had come before its command could be heard
};

// Ends in state upgraded or failed; what it has read until then is bounded. Any cutting of the input
// gives the same end that keeps the order of what is said and what is asked for: what comes in one piece
// with the line that makes it ask had been said before.
class BackendUpgrade {
 public:
  static constexpr std::size_t kMostLine = 4096;
  static constexpr int kMostLines = 100;  // all that it says

  enum class State { greeting, asking, upgraded, failed };

  BackendUpgrade(const BackendUpgrade&) = delete;
  BackendUpgrade& operator=(const BackendUpgrade&) = delete;
  virtual ~BackendUpgrade() = default;

  // Takes bytes of the backend, and appends to `commands` what is to be sent to it. Once it is
  // upgraded the next bytes are TLS's and not to be fed: those that are fed all the same, as those
  // behind the go-ahead, make it fail.
  State feed(std::string_view bytes, std::string& commands);
  // It sends no more.
  void ended() { fail(UpgradeFailure::closed); }

  State state() const { return state_; }
  UpgradeFailure failure() const { return failure_; }
  // Of one that refused its first line. Else the greeting as it came, its CRLF included, for the dialogue that begins under TLS. Not
  // authenticated: it was said in clear. IMAP: without response codes, capabilities (which
  // TLS changes: RFC 9051 section 6.2.1) and alerts among them. POP3: with the timestamp of APOP, which holds for the connection.
  const std::string& greeting() const { return greeting_; }

 protected:
  BackendUpgrade() : buffer_(kMostLine) {}
  // A line of the backend's, with its CRLF or LF.
  virtual void take(std::string_view line, std::string& commands) = 0;
  // Whether this may come unasked. No line of SMTP or POP3 may.
  virtual bool may_come_any_time(std::string_view) const { return false; }
  void fail(UpgradeFailure failure);
  // Fails where this first line is a refusal, and keeps it; whether it is.
  bool refuses(Protocol protocol, std::string_view line);

  State state_ = State::greeting;
  std::string greeting_;

 private:
  void ask(std::string_view line, std::string& commands);

  LineBuffer buffer_;
  std::size_t early_ = 0;  // octets that are there, and had been said before the last command
  int lines_ = 0;
  UpgradeFailure failure_ = UpgradeFailure::none;
};

// `hostname` is what an EHLO says.
std::unique_ptr<BackendUpgrade> make_backend_upgrade(Protocol protocol, std::string_view hostname);

// In words: "it does not offer STARTTLS". A constant.
std::string_view words_for(UpgradeFailure failure);

}  // namespace postern::protocols
