// See tls.h.
#include "test/bench/load/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace postern::bench {

// What BoringSSL reads from and writes to: the connection's own strings. Its memory BIO would move what
// is left at each read.
class Wire {
 public:
  static BIO* on(TlsConnection& connection) {
    static const BIO_METHOD* const kMethod = method();
    BIO* const bio = BIO_new(kMethod);
    BIO_set_data(bio, &connection);
    BIO_set_init(bio, 1);
    return bio;
  }

  // BoringSSL calls this with each ticket.
  static int keep(SSL* ssl, SSL_SESSION* session) {
    static_cast<TlsConnection*>(SSL_get_app_data(ssl))->session_.reset(session);
    return 1;  // it is ours now
  }

 private:
  static TlsConnection& of(BIO* bio) { return *static_cast<TlsConnection*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) {
    auto& input = of(bio).input_;
    BIO_clear_retry_flags(bio);
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto count = std::min(static_cast<std::size_t>(size), input.size());
    std::copy_n(input.data(), count, to);
    input.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* from, int size) {
    of(bio).output_.append(from, static_cast<std::size_t>(size));
    return size;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*more*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    BIO_METHOD* const made = BIO_meth_new(0, "load");
    BIO_meth_set_read(made, read);
    BIO_meth_set_write(made, write);
    BIO_meth_set_ctrl(made, control);
    return made;
  }
};

TlsContext::TlsContext(const std::string& groups, std::string server_name)
    : server_name_(std::move(server_name)), native_(SSL_CTX_new(TLS_method())) {
  if (!native_ || SSL_CTX_set_min_proto_version(native_.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set1_curves_list(native_.get(), groups.c_str()) != 1) {
    std::fprintf(stderr, "mail_load: BoringSSL refuses the groups %s\n", groups.c_str());
    std::exit(2);
  }
  SSL_CTX_set_verify(native_.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(native_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(native_.get(), Wire::keep);
}

TlsConnection::TlsConnection(const TlsContext& context, bssl::UniquePtr<SSL_SESSION>& session)
    : native_(SSL_new(context.native())), session_(session) {
  BIO* const wire = Wire::on(*this);
  SSL_set_bio(native_.get(), wire, wire);
  SSL_set_app_data(native_.get(), this);
  SSL_set_tlsext_host_name(native_.get(), context.server_name().c_str());
  if (session_) SSL_set_session(native_.get(), session_.get());
  SSL_set_connect_state(native_.get());
  went_well(SSL_do_handshake(native_.get()));
}

bool TlsConnection::went_well(int result) {
  if (result > 0) return true;
  const bool waits = SSL_get_error(native_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return waits;
}

bool TlsConnection::receive(std::string_view cipher, std::string& plain) {
  input_ = cipher;
  if (!connected_) {
    const int result = SSL_do_handshake(native_.get());
    if (result <= 0) return went_well(result);
    connected_ = true;
  }
  std::array<char, 16384> buffer;
  for (;;) {
    const int size = SSL_read(native_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (size <= 0) return went_well(size);
    plain.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void TlsConnection::send(std::string_view plain) {
  went_well(SSL_write(native_.get(), plain.data(), static_cast<int>(plain.size())));
}

void TlsConnection::send_close_notify() { went_well(SSL_shutdown(native_.get())); }

std::string TlsConnection::facts() const {
  const SSL* const ssl = native_.get();
  const auto* const group = SSL_get_curve_name(SSL_get_curve_id(ssl));
  const auto* const signature =
      SSL_get_signature_algorithm_name(SSL_get_peer_signature_algorithm(ssl), 1);
  return std::string(SSL_get_version(ssl)) + " " +
         SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)) + " " +
         (group == nullptr ? "?" : group) + " " +
         (resumed() || signature == nullptr ? "none" : signature);
}

std::string TlsConnection::take_output() { return std::exchange(output_, {}); }

}  // namespace postern::bench
