// TLS for a simulated client: BoringSSL on bytes in memory. One context for all clients, since making
// one costs more than a handshake. It never checks who the server is.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace postern::bench {

class TlsContext {
 public:
  // TLS 1.3 alone. `groups` in BoringSSL's words: "X25519" or "P-256". `server_name` goes as SNI.
  TlsContext(const std::string& groups, std::string server_name);

  SSL_CTX* native() const { return native_.get(); }
  const std::string& server_name() const { return server_name_; }

 private:
  std::string server_name_;
  bssl::UniquePtr<SSL_CTX> native_;
};

class TlsConnection {
 public:
  // `session`, where there is one, is offered for resumption; the newest ticket replaces it. Both must
  // outlive the connection. The ClientHello is in take_output() at once.
  TlsConnection(const TlsContext& context, bssl::UniquePtr<SSL_SESSION>& session);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  // Appends what it decrypts to `plain`; false when TLS has failed, or ended.
  bool receive(std::string_view cipher, std::string& plain);
  // Only once connected().
  void send(std::string_view plain);
  void send_close_notify();
  std::string take_output();

  bool connected() const { return connected_; }
  // Once connected: version, cipher, group, signature of the server ("none" when resumed).
  std::string facts() const;
  bool resumed() const { return SSL_session_reused(native_.get()) != 0; }

 private:
  friend class Wire;

  bool went_well(int result);

  bssl::UniquePtr<SSL> native_;
  bssl::UniquePtr<SSL_SESSION>& session_;
  std::string_view input_;  // valid during receive()
  std::string output_;
  bool connected_ = false;
};

}  // namespace postern::bench
