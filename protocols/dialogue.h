// The face that every mail protocol shows to a session: a gate, which stands alone before TLS on a
// `required` listener, and a dialogue, which reads client and backend. Both are pure: bytes in,
// steps out; no socket, clock, setting or log. Any cutting of the input into pieces gives the same
// steps (adjacent sends to one side joined).
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "protocols/steps.h"

namespace postern::protocols {

enum class Protocol { smtp, submission, imap, pop3 };

enum class BareNewlines { reject, pass };

// What stays the same for all sessions of a listener. Outlives its gates and dialogues.
struct Options {
  std::string hostname = "localhost";   // in greetings and replies that postern gives itself
  std::size_t line_length = 64 * 1024;  // longest line before login, its CRLF included, in octets
  std::set<std::string, std::less<>> hidden_verbs;  // SMTP: upper case; never offered, never passed
  // Said to a client that is refused or warned, behind postern's own words (help.h). Printable
  // ASCII, at most 160 octets each; "" for none.
  std::string refusal_text;
  std::string help_url;
};

enum class Transport { cleartext, tls };
enum class Upgrade { offered, not_offered };          // STARTTLS or STLS, by postern itself
enum class CleartextLogins { offered, not_offered };  // whether the lists show logins without TLS
enum class BackendGreeting { pass, swallow };         // swallow: the client has been greeted before
// When a login is held back for its verdict: at its start and whenever its user becomes known, or
// besides at each further piece of it, so that a verdict that changes meanwhile still holds.
enum class Judging { as_known, each_piece };

// What one dialogue begins with.
struct Conditions {
  Transport transport = Transport::tls;
  Upgrade upgrade = Upgrade::not_offered;
  CleartextLogins cleartext_logins = CleartextLogins::offered;  // only looked at without TLS
  BackendGreeting greeting = BackendGreeting::pass;
  BareNewlines bare_newlines = BareNewlines::reject;  // SMTP: in message bodies
  Judging judging = Judging::as_known;
};

// Why postern itself ends a session, where the protocol has words for it.
enum class Farewell {
  backend_unreachable,
  backend_lost,
  shutting_down,
  login_timeout,
  idle_timeout,
  too_many_connections,
  out_of_resources,
  tls_on_clear_port,
  clear_on_tls_port,
  // TLS too old, whose handshake was completed so that people can read why.
  old_tls_1_0,
  old_tls_1_1,
  old_tls_1_2,
};

// `needs_certificate`: refused for want of a client certificate; without TLS said as `refuse` is, since
// none can be shown there. `never`: refused with TLS and without, so that nobody is told to use it.
// `unavailable`: refused for now, in the protocol's words for a failure that will pass.
enum class Verdict { allow, warn, refuse, needs_certificate, never, unavailable };

constexpr bool is_refusal(Verdict verdict) {
  return verdict != Verdict::allow && verdict != Verdict::warn;
}

// How the bytes of one side ended.
enum class Ending {
  closed,
  unreachable,
  refused,           // it greeted with a refusal before there was a dialogue
  out_of_resources,  // it could not be dialled, but for want of something here
  not_secured,  // it could be, but its TLS is not what it must be, as may show behind a greeting
                // that was in clear
  injected,     // somebody on the way to it spoke in its place
  timed_out,
};

// Before TLS on a `required` listener: answers by itself, has no backend.
class Gate {
 public:
  virtual ~Gate() = default;
  // Gives the greeting. Called once, first.
  virtual void greet(Steps& out) = 0;
  // Takes bytes of the client. After BeginTls or End they are kept (for take_rest()) or dropped.
  virtual void feed(std::string_view bytes, Steps& out) = 0;
  // Says the farewell, if the protocol has one here, then End{Cause::farewell}.
  virtual void farewell(Farewell why, Steps& out) = 0;
  // After BeginTls: what came behind the STARTTLS line, byte for byte.
  virtual std::string take_rest() = 0;
  // The last command's verb in upper case, "" before the first, "?" for a malformed one.
  virtual std::string_view last_command() const = 0;
};

// What is left of a dialogue in passthrough, for a session that may then last for days: it knows of
// the bytes no more than whether, and in which words, a session can be ended.
class Passage {
 public:
  virtual ~Passage() = default;
  // Takes a look at bytes of the backend on their way to the client.
  virtual void passed(std::string_view) {}
  // Whether the backend's last word was a farewell of its own (IMAP's BYE), or the protocol cannot
  // tell; so its closing is a proper end.
  virtual bool backend_may_close() const { return true; }
  // Whether its last word surely was one: then even a connection that breaks is no cut.
  virtual bool backend_said_farewell() const { return false; }
  // Says the protocol's words if they can be said here, then End{Cause::farewell}.
  virtual void farewell(Farewell, Steps& out) { out.add(End{Cause::farewell}); }
};

// Reads both sides: edits capability lists, finds logins, and lets go (PassThrough) as soon as
// nothing more can concern it.
class Dialogue {
 public:
  virtual ~Dialogue() = default;
  // Called first or never: there is no backend and will be none. The client gets the words of `why`
  // in place of a greeting, or, where it has been greeted before, as the answer to its next command
  // (IMAP: at once); then End{Cause::farewell}. No login is taken and no capability offered.
  virtual void refuse_service(Farewell why, Steps& out) = 0;
  // Takes bytes of one side. Never called between a LoginTried and decide(), nor after BeginTls,
  // PassThrough or End. What cannot be judged yet is kept, at most line_length plus one feed().
  virtual void feed(Side from, std::string_view bytes, Steps& out) = 0;
  // Answers the last step, LoginTried. `warn` passes on like `allow`; in clear, where the login then
  // succeeds, the client is told that this will stop: in IMAP by an [ALERT] before the answer, else
  // in the text of the answer. Of several verdicts on one login the last one counts.
  virtual void decide(Verdict verdict, Steps& out) = 0;
  // Whether more bytes of this side are welcome; while false the session does not read it.
  virtual bool wants(Side side) const = 0;
  // This side will send no more. For the client: Shut{backend} follows once all is sent. For the
  // backend: the protocol's words where the client expects some, then End.
  virtual void ended(Side side, Ending how, Steps& out) = 0;
  // Says the protocol's words if they can be said here (between replies), then
  // End{Cause::farewell}.
  virtual void farewell(Farewell why, Steps& out) = 0;
  // After BeginTls: the client's bytes behind the STARTTLS line, byte for byte.
  virtual std::string take_rest() = 0;
  // As in Gate.
  virtual std::string_view last_command() const = 0;
  // After PassThrough: what takes the dialogue's place from here on.
  virtual std::unique_ptr<Passage> let_go() const { return std::make_unique<Passage>(); }
};

std::unique_ptr<Gate> make_gate(Protocol protocol, const Options& options);
std::unique_ptr<Dialogue> make_dialogue(Protocol protocol, const Options& options,
                                        const Conditions& conditions);

// The words for a client with which there is no gate or dialogue yet, its CRLF included; constant.
std::string farewell_line(Protocol protocol, Farewell why, const Options& options);

// As settings and events name it: smtp, submission, imap, pop3.
std::string_view name_of(Protocol protocol);

}  // namespace postern::protocols
