// A TLS client in memory, for tests: BoringSSL's own, driven by strings like the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

// A TLS session to resume. Shared, so that several clients can try the same one.
class TlsSession;
using TlsSessionPtr = std::shared_ptr<const TlsSession>;
// The same, with one octet of its ticket changed: the one at `at`, from the end where it is negative.
TlsSessionPtr with_ticket_changed(const TlsSessionPtr& session, int at);

struct TlsClientOptions {
  std::uint16_t min_version = 0x0301;  // as on the wire: 0x0301 is TLS 1.0
  std::uint16_t max_version = 0x0304;
  std::string server_name;        // SNI; "" sends none
  std::vector<std::string> alpn;  // in order; empty sends none
  std::string ciphers;            // TLS 1.2 and before, in BoringSSL's words; "" for its default
  std::string groups;             // "X25519:P-256"; "" for "X25519:P-256:P-384"
  std::string algorithms;         // "ECDSA+SHA256:RSA-PSS+SHA256"; "" for its default
  TlsSessionPtr session;          // to resume
  bool asks_for_staple = false;   // by the status_request extension: RFC 6066 section 8
  std::string chain;              // of its own certificate, PEM, leaf first; "" for none
  std::string key;                // of the leaf, PEM
  bool trusts_server = true;      // false: refuses the certificate with an alert
};

// Not thread-safe. Never checks who the server is.
class TlsClient {
 public:
  explicit TlsClient(const TlsClientOptions& options = {});
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // Takes bytes from the server; the first call (with "" for the ClientHello) starts the handshake.
  void receive(std::string_view cipher);
  // Encrypts; only once connected().
  void send(std::string_view plain);
  // Sends close_notify.
  void close();
  // TLS 1.3 only: changes the keys it sends with, and asks the server to do the same.
  void update_keys();
  // TLS 1.2 only: tries a renegotiation, which BoringSSL's client has no call for, by sending a
  // ClientHello record of its own making. Connect with ciphers "ECDHE-ECDSA-AES128-GCM-SHA256".
  // Nothing more can be sent afterwards.
  void renegotiate();

  // What has to go to the server; empties it.
  std::string take_output();
  // What was decrypted so far; empties it.
  std::string take_received();

  bool connected() const;            // the handshake is complete
  bool ended() const;                // close_notify came
  bool failed() const;               // see error()
  const std::string& error() const;  // BoringSSL's word: "TLSV1_ALERT_PROTOCOL_VERSION"

  // Valid once connected.
  std::uint16_t version() const;
  std::string cipher() const;  // IANA name
  std::string alpn() const;
  bool resumed() const;
  std::string staple() const;          // "" where none came
  std::string server_subject() const;  // the leaf's, one line; "" when resumed
  // How many authorities the server has named that sign certificates it takes.
  std::size_t requested_authorities() const;
  // The last session ticket; null where none came (in TLS 1.3 it comes with the first data).
  TlsSessionPtr session() const;
  // For how many seconds the server says that its ticket is good; 0 without a ticket.
  unsigned ticket_lifetime() const;

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

}  // namespace postern::test
