// One TLS connection, server side, as a transformer: cipher bytes in, plain bytes out, and back.
// No socket: whoever owns it moves the bytes. Not thread-safe; lives on its session's worker.
//
//   handshaking --ok--> open --peer's close_notify--> ended
//        |                |
//        +--- failed <----+   (the alert for the peer is in the output)
//
// In the middle of handshaking it may have to wait, for its turn or for a signature that another
// thread makes (handshake_queue.h); then its owner is told when it may go on:
//
//   receive() --> waits --HandshakeUser::on_turn()--> receive("") --> …
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/client_certificate.h"
#include "tls/handshake_queue.h"
#include "tls/ja4.h"
#include "tls/lack.h"
#include "tls/octets.h"
#include "tls/server_context.h"

namespace postern::tls {

// What is known of a connection once its handshake is complete.
struct Facts {
  std::string version;      // "1.2", "1.3" …
  std::string cipher;       // IANA name
  std::string curve;        // group's name; "" with RSA key exchange
  std::string server_name;  // SNI, as in Offer; "" where none
  std::string alpn;         // the protocol answered; "" where none
  Ja4 ja4;                  // as in Offer
  bool resumed = false;
  // The version is below the context's lowest: served only so that the client can be told why not
  // (OldVersions::accept).
  bool is_below_minimum = false;
  // The client's, verified, also where the session resumed; null where it has none. Of a handshake that
  // failed for it, the one that was refused; null where BoringSSL refused it before it was read.
  std::shared_ptr<const ClientCertificate> client_certificate;
};

// What the ClientHello offered. Numbers as on the wire, in order, GREASE (RFC 8701) included; lists
// are cut at their bounds. All of it is the client's to choose: any octet may stand in the texts.
// Behind a HelloRetryRequest (RFC 8446 section 4.1.4) it is still the first hello's.
struct Offer {
  static constexpr std::size_t kMaxNumbers = 256;
  static constexpr std::size_t kMaxAlpn = 32;
  static constexpr std::size_t kMaxServerName = 255;

  std::string server_name;              // lower case, without a dot at its end
  std::vector<std::uint16_t> versions;  // of a hello without such a list the one that it names
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::string> alpn;
  Ja4 ja4;              // of all that was offered, beyond the bounds too
  bool is_cut = false;  // a list of numbers was longer than its bound
};

enum class Failure {
  none,
  not_tls,  // the first bytes are no TLS record (text, or a hello of SSLv2's format of which the
            // owner has not said otherwise): nothing is in the output, so it may answer in clear
  no_shared_version,
  no_shared_cipher,  // or no shared group or signature algorithm
  alpn_refused,
  sni_refused,  // it asked for a name of no certificate, where only those are served
  // It shows a certificate that is not taken, or none where one is required.
  client_certificate_missing,
  client_certificate_expired,
  client_certificate_not_yet_valid,
  client_certificate_unknown_ca,
  client_certificate_revoked,
  client_certificate_no_crl,         // there is no valid list of what its authorities revoked
  client_certificate_wrong_purpose,  // it is not one for TLS clients
  client_certificate_invalid,        // anything else
  peer_alert,      // the peer ended it with an alert (bad certificate, unknown CA …), or with
                   // close_notify in the middle of the handshake
  protocol_error,  // anything else against the protocol, renegotiation included
};

class Engine {
 public:
  enum class State { handshaking, open, ended, failed };
  static constexpr std::size_t kMaxRecord = 16 * 1024;  // plain bytes: RFC 8446 section 5.1

  // `context`, never null, is kept alive by the engine. With a `queue` its handshake may have to
  // wait, and `user` is told; both outlive the engine. Without, all is done at once.
  explicit Engine(std::shared_ptr<const ServerContext> context, HandshakeQueue* queue = nullptr,
                  HandshakeUser* user = nullptr);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Takes all of `cipher`. Appends what it decrypts to `plain`, and what has to be sent to the
  // peer to `output`: that must be sent even when the state is failed (the alert is in it). `plain`
  // grows by no more than the size of `cipher` plus kMaxRecord: the record whose last byte it
  // brings. Once the handshake is complete, memory that only it needed is released (facts() and
  // offer() stay).
  // While it waits it keeps `cipher`, without a bound of its own (see is_holding()); the first call
  // after on_turn() goes on with that.
  // In states ended and failed the bytes are thrown away.
  State receive(std::string_view cipher, Octets& plain, std::string& output);

  // Encrypts `plain`, appending to `output`; does nothing in other states than open and ended (the
  // peer sends no more, but may still be sent to). Post-handshake data (tickets) leaves with it.
  void seal(std::string_view plain, std::string& output);

  // Appends close_notify (RFC 8446 section 6.1) in states open and ended, once; during the
  // handshake there is nothing to close. Nothing may be sealed afterwards. What the peer still
  // sends may be received.
  void close(std::string& output);

  State state() const { return state_; }
  // It waits, and keeps bytes that were received: an owner who reads no more then bounds them, and
  // still sees the end of a client that has sent nothing behind its ClientHello.
  bool is_holding() const;
  // From open on; before that, all empty but for what is said there.
  const Facts& facts() const { return *facts_; }
  // Why it failed; failure_text() has BoringSSL's own words (constant text, no client data), e.g.
  // "NO_SHARED_CIPHER".
  Failure failure() const { return failure_; }
  const std::string& failure_text() const { return failure_text_; }
  // Before the first receive(): a ClientHello of which nothing is served gets no alert. Then nothing
  // at all has been put out when it has failed, and is_unanswered() says so: its owner may hand
  // what it received on to another server. A client of a version or suites that are served, one that
  // says it could do better (TLS_FALLBACK_SCSV, RFC 7507), and one whose ALPN is refused get
  // the alert as ever.
  void leave_unanswered();
  // From now on every client gets its alert.
  void answer_all();
  bool is_unanswered() const;
  // What the ClientHello offered, in every state from its coming on until drop_offer(); else null.
  const Offer* offer() const;
  // What it would take to serve this client, and one that offers this; nothing, too, without an offer, and
  // where that was cut, so that nobody knows.
  Lack lack() const;
  Lack lack(const Offer& offer) const;
  // Before the first receive(): the owner has seen that the first bytes are a whole hello in SSLv2's
  // format (sslv2_hello.h), and whoever sent it can be served.
  void take_sslv2_hello();
  // Nothing was received.
  bool is_untouched() const;
  // Releases the offer, some hundred octets that an idle session should not hold. To be called once
  // its owner has no use for it, and not before the handshake has ended: TLS 1.3 looks at it until
  // then. Does nothing in state handshaking.
  void drop_offer();

 private:
  struct Native;

  bool looks_like_tls(std::string_view cipher);
  void run(std::string_view cipher, Octets& plain, std::string& output);
  void shake_hands();
  void take_back(std::string& output, std::size_t before);
  void decrypt(Octets& plain);
  void settle(int result);
  void fail(Failure failure, std::string text);

  std::unique_ptr<Native> native_;
  std::unique_ptr<Facts> facts_;
  std::string failure_text_;
  State state_ = State::handshaking;
  Failure failure_ = Failure::none;
};

}  // namespace postern::tls
