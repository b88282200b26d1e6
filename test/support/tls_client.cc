// See tls_client.h.
#include "test/support/tls_client.h"

#include <openssl/aead.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace postern::test {

class TlsSession {
 public:
  explicit TlsSession(SSL_SESSION* session) : session_(session) {}
  SSL_SESSION* native() const { return session_.get(); }

 private:
  bssl::UniquePtr<SSL_SESSION> session_;
};

struct TlsClient::Native {
  bssl::UniquePtr<SSL_CTX> context;
  bssl::UniquePtr<SSL> ssl;
  TlsSessionPtr session;
  std::string received;
  std::string extra_output;
  std::string error;
  std::size_t requested = 0;
  bool trusts_server = true;
  bool connected = false;
  bool ended = false;
  bool failed = false;

  static Native& of(const SSL* ssl) { return *static_cast<Native*>(SSL_get_app_data(ssl)); }

  static ssl_verify_result_t verify(SSL* ssl, std::uint8_t* alert) {
    *alert = SSL_AD_UNKNOWN_CA;
    return of(ssl).trusts_server ? ssl_verify_ok : ssl_verify_invalid;
  }

  // Asked where the server wants a certificate.
  static int see_request(SSL* ssl, void*) {
    const auto* const names = SSL_get0_server_requested_CAs(ssl);
    of(ssl).requested = names == nullptr ? 0 : sk_CRYPTO_BUFFER_num(names);
    return 1;
  }

  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    of(ssl).session = std::make_shared<TlsSession>(session);
    return 1;  // it is ours now
  }

  void check(int result) {
    const int kind = SSL_get_error(ssl.get(), result);
    if (kind == SSL_ERROR_WANT_READ) return;
    if (kind == SSL_ERROR_ZERO_RETURN) {
      ended = true;
      return;
    }
    failed = true;
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    error = reason == nullptr ? "?" : reason;
  }

  void read() {
    std::array<char, 16384> buffer;
    while (!failed && !ended) {
      const int size = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (size <= 0) {
        check(size);
        return;
      }
      received.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }
};

namespace {

void demand(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test client: ") + what);
}

// Shows a certificate of its own.
void show(SSL_CTX* context, const std::string& chain, const std::string& key) {
  const auto bio_of = [](const std::string& text) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  };
  const auto chain_text = bio_of(chain);
  const auto key_text = bio_of(key);
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> owned;
  std::vector<CRYPTO_BUFFER*> buffers;
  while (const bssl::UniquePtr<X509> one{
      PEM_read_bio_X509(chain_text.get(), nullptr, nullptr, nullptr)}) {
    std::uint8_t* der = nullptr;
    const int size = i2d_X509(one.get(), &der);
    owned.emplace_back(CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
    buffers.push_back(owned.back().get());
    OPENSSL_free(der);
  }
  ERR_clear_error();
  const bssl::UniquePtr<EVP_PKEY> own(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  constexpr std::array<std::uint16_t, 4> kAlgorithms = {
      SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519, SSL_SIGN_RSA_PSS_RSAE_SHA256,
      SSL_SIGN_RSA_PKCS1_SHA256};
  demand(own != nullptr &&
             SSL_CTX_set_signing_algorithm_prefs(context, kAlgorithms.data(), kAlgorithms.size()) ==
                 1 &&
             SSL_CTX_set_chain_and_key(context, buffers.data(), buffers.size(), own.get(),
                                       nullptr) == 1,
         "certificate");
}

std::string alpn_list(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) {
    list += static_cast<char>(name.size());
    list += name;
  }
  return list;
}

// RFC 5246 section 6.2.3.3 and RFC 5288 section 3, for AES-128-GCM: the record of `type` that the
// client of `ssl` would send next.
std::string seal_record(SSL* ssl, std::uint8_t type, std::string_view plain) {
  constexpr std::size_t kKey = 16;
  constexpr std::size_t kSalt = 4;
  std::array<std::uint8_t, 2 * (kKey + kSalt)> block;
  demand(SSL_get_key_block_len(ssl) == block.size() &&
             SSL_generate_key_block(ssl, block.data(), block.size()) == 1,
         "not AES-128-GCM");
  const auto sequence = SSL_get_write_sequence(ssl);
  std::array<std::uint8_t, 8> number;
  for (std::size_t i = 0; i < 8; ++i) {
    number[i] = static_cast<std::uint8_t>(sequence >> (8 * (7 - i)));
  }
  std::string nonce(reinterpret_cast<const char*>(&block[2 * kKey]), kSalt);
  nonce.append(number.begin(), number.end());
  std::string data(number.begin(), number.end());
  data += {static_cast<char>(type), 3, 3, static_cast<char>(plain.size() >> 8),
           static_cast<char>(plain.size())};

  const bssl::UniquePtr<EVP_AEAD_CTX> aead(
      EVP_AEAD_CTX_new(EVP_aead_aes_128_gcm(), block.data(), kKey, EVP_AEAD_DEFAULT_TAG_LENGTH));
  std::string sealed(plain.size() + 16, '\0');
  std::size_t size = 0;
  const auto octets = [](std::string_view text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
  };
  demand(EVP_AEAD_CTX_seal(aead.get(), reinterpret_cast<std::uint8_t*>(sealed.data()), &size,
                           sealed.size(), octets(nonce), nonce.size(), octets(plain), plain.size(),
                           octets(data), data.size()) == 1,
         "seal");
  const auto length = size + number.size();
  std::string record = {static_cast<char>(type), 3, 3, static_cast<char>(length >> 8),
                        static_cast<char>(length)};
  record.append(number.begin(), number.end());
  return record + sealed.substr(0, size);
}

}  // namespace

TlsSessionPtr with_ticket_changed(const TlsSessionPtr& session, int at) {
  const std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session->native(), &octets, &size);
  std::vector<std::uint8_t> ticket(octets, octets + size);
  const auto place = at < 0 ? size - static_cast<std::size_t>(-at) : static_cast<std::size_t>(at);
  ticket.at(place) ^= 1;
  std::uint8_t* text = nullptr;
  std::size_t length = 0;
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  demand(SSL_SESSION_to_bytes(session->native(), &text, &length) == 1, "session");
  bssl::UniquePtr<SSL_SESSION> changed(SSL_SESSION_from_bytes(text, length, context.get()));
  OPENSSL_free(text);
  demand(changed && SSL_SESSION_set_ticket(changed.get(), ticket.data(), ticket.size()) == 1,
         "ticket");
  return std::make_shared<TlsSession>(changed.release());
}

TlsClient::TlsClient(const TlsClientOptions& options) : native_(std::make_unique<Native>()) {
  auto& native = *native_;
  native.trusts_server = options.trusts_server;
  native.context.reset(SSL_CTX_new(TLS_with_buffers_method()));
  SSL_CTX* const context = native.context.get();
  demand(SSL_CTX_set_min_proto_version(context, options.min_version) == 1 &&
             SSL_CTX_set_max_proto_version(context, options.max_version) == 1,
         "versions");
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, Native::verify);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, Native::keep_session);
  SSL_CTX_set_cert_cb(context, Native::see_request, nullptr);
  if (!options.ciphers.empty()) {
    demand(SSL_CTX_set_strict_cipher_list(context, options.ciphers.c_str()) == 1, "ciphers");
  }
  const std::string groups = options.groups.empty() ? "X25519:P-256:P-384" : options.groups;
  demand(SSL_CTX_set1_curves_list(context, groups.c_str()) == 1, "groups");
  if (!options.algorithms.empty()) {
    demand(SSL_CTX_set1_sigalgs_list(context, options.algorithms.c_str()) == 1, "algorithms");
  }
  if (!options.chain.empty()) show(context, options.chain, options.key);
  native.ssl.reset(SSL_new(context));
  SSL* const ssl = native.ssl.get();
  demand(ssl != nullptr, "memory");
  SSL_set_app_data(ssl, &native);
  SSL_set_connect_state(ssl);
  SSL_set0_rbio(ssl, BIO_new(BIO_s_mem()));
  SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()));
  if (!options.server_name.empty()) {
    demand(SSL_set_tlsext_host_name(ssl, options.server_name.c_str()) == 1, "server name");
  }
  if (const auto list = alpn_list(options.alpn); !list.empty()) {
    demand(SSL_set_alpn_protos(ssl, reinterpret_cast<const std::uint8_t*>(list.data()),
                               static_cast<unsigned>(list.size())) == 0,  // 0 is success here
           "ALPN");
  }
  if (options.asks_for_staple) SSL_enable_ocsp_stapling(ssl);
  if (options.session) demand(SSL_set_session(ssl, options.session->native()) == 1, "session");
}

TlsClient::~TlsClient() = default;

void TlsClient::receive(std::string_view cipher) {
  auto& native = *native_;
  if (native.failed) return;
  ERR_clear_error();
  BIO_write(SSL_get_rbio(native.ssl.get()), cipher.data(), static_cast<int>(cipher.size()));
  if (!native.connected) {
    const int result = SSL_do_handshake(native.ssl.get());
    native.connected = result == 1;
    if (result != 1) native.check(result);
  }
  if (native.connected) native.read();
}

void TlsClient::send(std::string_view plain) {
  ERR_clear_error();
  const int size = SSL_write(native_->ssl.get(), plain.data(), static_cast<int>(plain.size()));
  if (size != static_cast<int>(plain.size())) native_->check(size);
}

void TlsClient::close() {
  ERR_clear_error();
  SSL_shutdown(native_->ssl.get());
}

void TlsClient::update_keys() {
  ERR_clear_error();
  demand(SSL_key_update(native_->ssl.get(), SSL_KEY_UPDATE_REQUESTED) == 1, "key update");
  SSL_write(native_->ssl.get(), "", 0);  // that is what sends it
}

void TlsClient::renegotiate() {
  // The smallest ClientHello of TLS 1.2: a random, one suite, no extensions.
  std::string hello("\x01\x00\x00\x29\x03\x03", 6);
  hello += std::string(32, 'r');
  hello += std::string("\x00\x00\x02\xc0\x2b\x01\x00", 7);
  native_->extra_output = seal_record(native_->ssl.get(), SSL3_RT_HANDSHAKE, hello);
}

std::string TlsClient::take_output() {
  BIO* const bio = SSL_get_wbio(native_->ssl.get());
  std::string output(BIO_ctrl_pending(bio), '\0');
  if (!output.empty()) BIO_read(bio, output.data(), static_cast<int>(output.size()));
  output += native_->extra_output;
  native_->extra_output.clear();
  return output;
}

std::string TlsClient::take_received() { return std::exchange(native_->received, {}); }

bool TlsClient::connected() const { return native_->connected; }
bool TlsClient::ended() const { return native_->ended; }
bool TlsClient::failed() const { return native_->failed; }
const std::string& TlsClient::error() const { return native_->error; }

std::uint16_t TlsClient::version() const {
  return static_cast<std::uint16_t>(SSL_version(native_->ssl.get()));
}

std::string TlsClient::cipher() const {
  return SSL_CIPHER_standard_name(SSL_get_current_cipher(native_->ssl.get()));
}

std::string TlsClient::alpn() const {
  const std::uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(native_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool TlsClient::resumed() const { return SSL_session_reused(native_->ssl.get()) == 1; }

std::string TlsClient::staple() const {
  const std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  SSL_get0_ocsp_response(native_->ssl.get(), &octets, &size);
  return {reinterpret_cast<const char*>(octets), size};
}

std::string TlsClient::server_subject() const {
  const auto* const chain = SSL_get0_peer_certificates(native_->ssl.get());
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return {};
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, 0)));
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(leaf.get()), 0, XN_FLAG_ONELINE);
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

std::size_t TlsClient::requested_authorities() const { return native_->requested; }

TlsSessionPtr TlsClient::session() const { return native_->session; }

unsigned TlsClient::ticket_lifetime() const {
  if (!native_->session) return 0;
  const auto* session = native_->session->native();
  return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION
             ? SSL_SESSION_get_timeout(session)
             : SSL_SESSION_get_ticket_lifetime_hint(session);
}

}  // namespace postern::test
