// What a gate or a dialogue asks its session to do: a closed set of steps, as values.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/line_buffer.h"

namespace postern::protocols {

// The two peers of a session.
enum class Side { client, backend };

constexpr Side other(Side side) { return side == Side::client ? Side::backend : Side::client; }

// One attempt to log in, as far as it is known by now. Never holds a secret.
struct Login {
  // As audit events name it: LOGIN (IMAP command), USER, APOP, PLAIN, AUTH-LOGIN (SASL LOGIN),
  // CRAM-MD5, NTLM …: upper case, printable ASCII, at most 32 characters.
  std::string mechanism;
  // The authentication identity as typed, NTLM's as DOMAIN\user; empty while unknown, and for good
  // where the mechanism hides it or nobody can say how the backend reads it (sasl.h, user_name.h).
  // UTF-8, at most 255 octets, of any value: whoever prints it escapes it.
  std::string user;
  // The authorization identity where it is given and differs from `user`; otherwise empty.
  std::string authorization;
  // The password or token itself crosses the wire (LOGIN, USER, PLAIN, AUTH-LOGIN, XOAUTH2,
  // OAUTHBEARER), so that without TLS it is exposed.
  bool sends_secret = false;

  bool operator==(const Login&) const = default;
};

// What the backend answered to a login.
enum class Outcome { success, failure };

// Why a gate or a dialogue ends its session.
enum class Cause {
  client_quit,          // QUIT or LOGOUT was answered
  backend_refused,      // the backend's greeting was 421, 4xx, 5xx, BYE or -ERR
  backend_preauth,      // the backend greeted with PREAUTH
  backend_closed,       // the backend closed before it had said farewell
  backend_unreachable,  // no backend could be dialled
  out_of_resources,     // for want of descriptors or memory here
  backend_tls_failed,   // the backend's TLS is not what it must be
  backend_timeout,      // the backend did not greet in time
  backend_protocol,     // the backend's line was too long, or no reply of the protocol
  response_injection,   // the backend sent a reply that nobody asked for
  line_too_long,        // a command line exceeded the bound
  bad_syntax,           // bare CR, bare LF or NUL in a command before login
  bare_newline,         // bare CR or LF in a message (SMTP smuggling)
  too_many_errors,      // the client went on with refused or unknown commands
  sasl_security_layer,  // a SASL security layer began where the stream must stay readable
  farewell,             // the session asked for it (timeout, drain, kill): it knows the reason
};

// Something that an administrator should see although the session may go on.
enum class AlarmKind { response_injection, smuggling, hidden_verb, line_too_long };

// Send these bytes, after all that was sent to that side before. `bytes` is valid until the next
// call to the gate or dialogue, to Steps::clear(), or until the bytes fed in go away.
struct Send {
  Side to;
  std::string_view bytes;
};
// The other side's input has ended and all of it was sent: shut down writing to this side.
struct Shut {
  Side to;
};
// A login is held back until Dialogue::decide() is called, which must be the next call. Comes once
// when the mechanism is known, and again where `user` becomes known before the secret is passed on;
// with Judging::each_piece again at each further piece.
// `secret_sent`: the password or token itself has come already, whatever the verdict will be.
// `name_follows`: `user` is empty yet, but nothing that can log in is passed on before another
// LoginTried, with the user or with `name_follows` false.
// `name_hidden`: `user` is empty because the mechanism keeps the name to itself.
// An empty `user` with neither: who it is cannot be read, so the backend may take it for anybody.
struct LoginTried {
  Login login;
  bool secret_sent = false;
  bool name_follows = false;
  bool name_hidden = false;
};
// The backend answered.
struct LoginAnswered {
  Login login;
  Outcome outcome;
};
// A gate refused a login by itself. `exposed`: the secret was sent in clear all the same.
struct LoginRefused {
  Login login;
  bool exposed;
};
// What is known of the client's program: EHLO or HELO argument, or IMAP ID ("name version"), at most
// 255 octets; in POP3, which has no name for it, the verbs of its commands up to the first login
// ("CAPA USER"), unknown ones as "?", at most kMaxOrderedCommands. Given once, before that login.
inline constexpr std::size_t kMaxOrderedCommands = 8;
enum class NamedBy { ehlo, imap_id, commands };
struct ClientNamed {
  NamedBy by;
  std::string name;
};
// SMTP: the backend accepted MAIL FROM, so the login timeout no longer applies.
struct MailBegun {};
struct Alarm {
  AlarmKind kind;
  std::string detail;  // a verb in upper case or a constant text, never client data
};
// When all that was sent to the client has left: begin the TLS handshake, its first bytes being
// take_rest(); then a new dialogue with a new backend session. Nothing is fed or decided hereafter.
struct BeginTls {};
// From here on bytes are passed on unread, both ways; the backend's are shown to what let_go() gives.
struct PassThrough {};
// Nothing more follows; the farewell was sent.
struct End {
  Cause cause;
};

using Step = std::variant<Send, Shut, LoginTried, LoginAnswered, LoginRefused, ClientNamed,
                          MailBegun, Alarm, BeginTls, PassThrough, End>;

// The list that a call fills. It is reused from call to call, so that the common case allocates
// nothing.
class Steps {
 public:
  Steps() = default;
  Steps(const Steps&) = delete;  // a copy's views would be the original's
  Steps& operator=(const Steps&) = delete;
  Steps(Steps&&) = default;
  Steps& operator=(Steps&&) = default;
  ~Steps() { clear(); }

  // Sends bytes that outlive the handling of the steps: a constant, or a part of what was fed.
  void send(Side to, std::string_view lasting) {
    if (!lasting.empty()) steps_.push_back(Send{to, lasting});
  }
  // Sends text made for this occasion.
  void send_made(Side to, std::string text) {
    if (text.empty()) return;
    made_.push_back(std::move(text));
    steps_.push_back(Send{to, made_.back()});
  }
  void add(Step step) { steps_.push_back(std::move(step)); }

  // Made texts are wiped: a login's line that was held back is one of them.
  void clear() {
    steps_.clear();
    for (auto& text : made_) wipe(text);
    made_.clear();
  }
  bool empty() const { return steps_.empty(); }
  std::size_t size() const { return steps_.size(); }
  const Step& operator[](std::size_t index) const { return steps_[index]; }
  auto begin() const { return steps_.begin(); }
  auto end() const { return steps_.end(); }

 private:
  std::vector<Step> steps_;
  std::deque<std::string> made_;  // a deque: views into its strings must stay valid
};

}  // namespace postern::protocols
