// The tour's connection, see tls_client.h. BoringSSL works on memory here, and Connection moves the
// bytes, so that a closed socket is an error and no signal.
#include "proxy/demo/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/demo/connection.h"
#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::size_t kReadOctets = 16 * 1024;

std::string failure(std::string_view what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return std::string(what) + ": " + text.data();
}

}  // namespace

struct TlsClient::Native {
  explicit Native(int descriptor) : connection(descriptor, kPatience) {}

  // Sends what BoringSSL has written.
  bool flush() {
    std::array<char, kReadOctets> buffer;
    int got = 0;
    while ((got = BIO_read(SSL_get_wbio(ssl.get()), buffer.data(), buffer.size())) > 0) {
      if (!connection.send({buffer.data(), static_cast<std::size_t>(got)})) {
        return false;
      }
    }
    return true;
  }

  // Repeats what BoringSSL has been asked for until it needs no more bytes from the server; gives
  // its last result.
  template <typename Operation>
  int run(Operation operation) {
    while (true) {
      const int result = operation();
      const int error = SSL_get_error(ssl.get(), result);
      if (!flush() || result > 0 || error != SSL_ERROR_WANT_READ) {
        return result;
      }
      const std::optional<std::string> cipher_bytes = connection.read_some();
      if (!cipher_bytes || BIO_write(SSL_get_rbio(ssl.get()), cipher_bytes->data(),
                                     static_cast<int>(cipher_bytes->size())) <= 0) {
        return result;
      }
    }
  }

  Connection connection;
  bssl::UniquePtr<SSL_CTX> shared;
  bssl::UniquePtr<SSL> ssl;  // none in clear text
  std::string plain;         // decrypted, not yet read
};

tls::Result<std::unique_ptr<TlsClient>> TlsClient::connect(std::uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (descriptor < 0 ||
      ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int reason = errno;
    close(descriptor);
    return tls::Error{"connect to 127.0.0.1:" + std::to_string(port) + ": " +
                      std::strerror(reason)};
  }
  return std::unique_ptr<TlsClient>(new TlsClient(std::make_unique<Native>(descriptor)));
}

TlsClient::TlsClient(std::unique_ptr<Native> native) : native_(std::move(native)) {}

TlsClient::~TlsClient() {
  if (native_->ssl && SSL_is_init_finished(native_->ssl.get())) {
    SSL_shutdown(native_->ssl.get());
    native_->flush();
  }
  ERR_clear_error();
}

std::string TlsClient::start_tls(const std::string& trusted_pem, const std::string& server_name) {
  if (native_->ssl || !native_->connection.is_drained()) {
    return "the server sent bytes in clear text before the handshake";
  }
  native_->shared.reset(SSL_CTX_new(TLS_method()));
  const bssl::UniquePtr<BIO> file(
      BIO_new_mem_buf(trusted_pem.data(), static_cast<int>(trusted_pem.size())));
  const bssl::UniquePtr<X509> trusted(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (!native_->shared || !trusted ||
      X509_STORE_add_cert(SSL_CTX_get_cert_store(native_->shared.get()), trusted.get()) != 1) {
    return failure("the trusted certificate");
  }
  SSL_CTX_set_verify(native_->shared.get(), SSL_VERIFY_PEER, nullptr);
  native_->ssl.reset(SSL_new(native_->shared.get()));
  SSL* ssl = native_->ssl.get();
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl);
  // The throw-away certificate is its own anchor.
  X509_VERIFY_PARAM_set_flags(checks, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_VERIFY_PARAM_set1_host(checks, server_name.data(), server_name.size()) != 1 ||
      SSL_set_tlsext_host_name(ssl, server_name.c_str()) != 1) {
    return failure("the server's name");
  }
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl);
  if (native_->run([ssl] { return SSL_do_handshake(ssl); }) != 1) {
    const long verdict = SSL_get_verify_result(ssl);
    return verdict == X509_V_OK
               ? failure("TLS handshake")
               : std::string("certificate: ") + X509_verify_cert_error_string(verdict);
  }
  return "";
}

bool TlsClient::send(std::string_view bytes) {
  if (!native_->ssl) {
    return native_->connection.send(bytes);
  }
  return native_->run([&] {
    return SSL_write(native_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
  }) > 0;
}

std::optional<std::string> TlsClient::read_line() {
  if (!native_->ssl) {
    std::optional<std::string> line = native_->connection.read_line(kMaxLine);
    return line ? std::optional(std::string(without_newline(*line))) : std::nullopt;
  }
  std::string& plain = native_->plain;
  while (plain.find('\n') == std::string::npos) {
    std::array<char, kReadOctets> buffer;
    const int got =
        native_->run([&] { return SSL_read(native_->ssl.get(), buffer.data(), buffer.size()); });
    if (got <= 0 || plain.size() > kMaxLine) {
      ERR_clear_error();
      return std::nullopt;
    }
    plain.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const std::size_t end = plain.find('\n') + 1;
  std::string line(without_newline(std::string_view(plain).substr(0, end)));
  plain.erase(0, end);
  return line;
}

std::string TlsClient::version() const {
  return native_->ssl ? SSL_get_version(native_->ssl.get()) : "";
}

std::string TlsClient::cipher() const {
  const SSL_CIPHER* cipher = native_->ssl ? SSL_get_current_cipher(native_->ssl.get()) : nullptr;
  return cipher == nullptr ? "" : SSL_CIPHER_standard_name(cipher);
}

}  // namespace postern::demo
