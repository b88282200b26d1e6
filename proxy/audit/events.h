// Audit events as typed values. Each sink turns them into its own form (event_json.h); nothing else
// builds one. No field can hold a secret.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/net/address.h"

namespace postern::audit {

using WallTime = std::chrono::system_clock::time_point;

// How the client's bytes came.
enum class Security { cleartext, starttls, implicit, passthrough };

// As lines and inventory name it: the enum's own names.
constexpr std::string_view name_of(Security security) {
  switch (security) {
    case Security::cleartext:
      return "cleartext";
    case Security::starttls:
      return "starttls";
    case Security::implicit:
      return "implicit";
    case Security::passthrough:
      return "passthrough";
  }
  __builtin_unreachable();
}

// What TLS with the client came to.
struct Tls {
  std::string version;  // "1.3"
  std::string cipher;   // IANA name
  std::string curve;
  std::string alpn;
  std::string server_name;  // as the client sent it
  bool resumed = false;
  std::string ja4 = {};  // fingerprint of the ClientHello
};

// What a certificate of the client's own says; all but the digest is the client's to choose.
struct ClientCertificate {
  std::string subject;
  std::string issuer;
  std::vector<std::string> names;
  std::string sha256;  // of the whole, hexadecimal
};

// What a ClientHello offered: numbers as on the wire, in its order.
struct Hello {
  std::vector<std::uint16_t> versions;
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
};

// The server that was dialled.
struct Server {
  std::string name;  // of the backend in the settings
  net::Address address;
  std::uint16_t source_port = 0;  // postern's own port towards it; 0: there was none
};

// The TLS towards it.
struct ServerTls {
  std::string_view version;  // constants, as in Tls
  std::string_view cipher;
  bool resumed = false;
};

// What every event of a session tells of it.
struct SessionPart {
  std::string id;
  std::string listener;
  std::string_view protocol;  // a constant
  net::Address source;
  std::optional<net::Address> forwarded_by;  // the balancer whose PROXY header named the client
  net::Address destination;
  std::optional<Server> server;
  std::optional<ServerTls> server_tls;
  Security security = Security::cleartext;
  bool starttls_offered = false;
  bool starttls_used = false;
  std::optional<Tls> tls;
  // Verified; of a handshake that failed for it, the one that was refused. Null without.
  std::shared_ptr<const ClientCertificate> certificate = nullptr;
  // The rule that opens for this client what its listener keeps shut: clear text on a `required` one,
  // RSA key exchange and 3DES. "" without one.
  std::string opened_by;
  std::string client_name;           // client-controlled: EHLO argument, IMAP ID, order of commands
  std::string_view client_named_by;  // ehlo, imap_id, commands
};

struct LoginPart {
  std::string mechanism;
  bool secret_exposed = false;
  std::string user;       // client-controlled; "" where it is unknown or stands as its hash
  std::string user_hash;  // in its place: people type passwords into failed logins' name fields
  std::string effective;  // client-controlled: authorization identity of its own
};

// The backend answered a login.
struct LoginEvent {
  SessionPart session;
  LoginPart login;
  bool success = false;
  std::chrono::nanoseconds duration{};  // since the login was tried
  std::string verdict;                  // allow, warn
  std::string rule;
  std::shared_ptr<const Hello> hello;  // at the first sight of its fingerprint, else null
};

// postern refused a login by itself.
struct LoginRefusedEvent {
  SessionPart session;
  LoginPart login;
  std::string_view reason;  // cleartext, …
  std::string rule;
};

// A session ended.
struct SessionEndEvent {
  SessionPart session;
  std::string_view reason;  // session::name_of(EndReason)
  std::chrono::nanoseconds duration{};
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::string last_command;  // of a session that ended before login
};

// A session ended without a login, though its protocol has one; with SMTP, without mail either. How
// breakage looks once clear text is refused: good clients do not even try. Its SessionEndEvent
// follows.
struct SessionAbandonedEvent {
  SessionPart session;
  std::string_view reason;   // as of its end
  std::string last_command;  // its verb, upper case
};

// The reason of a handshake that the backend's own TLS server was given.
inline constexpr std::string_view kSpliced = "spliced";

// A handshake failed, or with `handshakes: all` succeeded; or it is none of postern's (kSpliced), and what
// becomes of it is not known.
struct HandshakeEvent {
  SessionPart session;
  std::string_view reason;  // of a failure, a constant; "" : it succeeded
  Hello hello;              // empty where none was read
  std::string ja4;          // of a failed one; "" where none was read
  std::string server_name;  // client-controlled, of a failed one
  // What it would take to serve it, in the settings' words; "" where that is not known.
  std::string needs = {};
};

// Something about a session that an administrator should see: starttls-injection,
// response-injection, smuggling, tls-on-clear-port, clear-on-tls-port, limit, backend-tls-failed.
struct SessionNotice {
  SessionPart session;
  std::string_view action;
  std::string reason;        // never client data
  bool is_served = false;    // the session goes on: it is no failure
  std::string message = {};  // of a backend's TLS: what was wrong, with names of its certificate
};

// The node itself: start, stop.
struct NodeEvent {
  std::string_view action;
};

// A date of the settings has come: policy-change (a `refuse_from` acts), rule-expired.
struct PolicyEvent {
  std::string_view action;
  std::string rule;    // `listener` where the key stands on one
  std::string reason;  // what acts from now on, in words made of the settings alone
};

// Certificates were read anew (certificate-change), or one ends soon (certificate-expiry).
struct CertificateEvent {
  std::string_view action;
  std::string_view outcome;  // of a change: success, failure; else ""
  // not_taken: of a failure; expires, expired: the certificate, or what the message names.
  std::string_view reason = {};
  std::string file = {};                   // its chain; with a failure nothing below is known
  std::vector<std::string> names = {};     // whom it is for
  std::string serial = {};                 // hexadecimal
  std::optional<WallTime> not_after = {};  // its last moment
  std::string message = {};                // the reason in words
};

// Something is missing in what this log and the inventory hold.
struct GapEvent {
  // queue_full: of the log; log_failed: a target could not be written, and can be again;
  // inventory_full, inventory_failed; unclean_stop: the run before was killed; chain_broken: the end
  // of the log before could not be read, so the chain begins anew.
  std::string_view reason;
  std::uint64_t lost = 0;  // events; 0: it is not known how many
};

using EventBody =
    std::variant<LoginEvent, LoginRefusedEvent, SessionAbandonedEvent, SessionEndEvent,
                 HandshakeEvent, SessionNotice, NodeEvent, PolicyEvent, CertificateEvent, GapEvent>;

struct Event {
  WallTime time;
  EventBody body;
};

}  // namespace postern::audit
