// See server_context.h.
#include "tls/server_context.h"

#include <algorithm>

#include "tls/client_authority.h"
#include "tls/grease.h"
#include "tls/install.h"
#include "tls/native.h"
#include "tls/offer.h"

namespace postern::tls {

namespace {

std::uint16_t number_of(Version version) {
  switch (version) {
    case Version::tls1_0:
      return TLS1_VERSION;
    case Version::tls1_1:
      return TLS1_1_VERSION;
    case Version::tls1_2:
      return TLS1_2_VERSION;
    case Version::tls1_3:
      break;
  }
  return TLS1_3_VERSION;
}

// True where all versions that the client offers are below `min_version`. Numbers that are no version
// count as high ones: who sends them is treated as with OldVersions::refuse.
bool is_old(const Offer& offer, std::uint16_t min_version) {
  return std::all_of(offer.versions.begin(), offer.versions.end(), [&](std::uint16_t version) {
    return version < min_version || is_grease(version);
  });
}

// Lets one client of an old version in, with what a context of old versions serves. The highest
// version stays, so the server's random says that there was more (RFC 8446 section 4.1.3).
bool admit_old(SSL* ssl, Profile profile) {
  const auto suites = suites_of(profile, Version::tls1_0);
  return SSL_set_min_proto_version(ssl, TLS1_VERSION) == 1 &&
         SSL_set_strict_cipher_list(ssl, suites.c_str()) == 1;
}

// For the one handshake, so that it ends in time. BoringSSL sends it where the client asks for it;
// without memory there is none, which is no fault.
void offer_staple(const Credentials& credentials, const ServerContext::Native& context, SSL* ssl) {
  const auto& staple = credentials.native().staple;
  if (!staple || !context.now || !staple->holds_at(std::chrono::sys_seconds(context.now()))) return;
  SSL_set_ocsp_response(ssl, reinterpret_cast<const std::uint8_t*>(staple->der.data()),
                        staple->der.size());
}

// In TLS 1.2 and before a session resumes under the name only that it began under: RFC 6066 section 3.
// Where TLS 1.3 may come of the hello its sessions keep the context's scope (RFC 8446 section 4.6.1
// leaves it to the client, by the certificate).
bool scope_to_name(SSL* ssl, const Offer& offer, const ServerContext::Native& context) {
  const auto is_new = [](std::uint16_t version) { return version == TLS1_3_VERSION; };
  if (offer.server_name.empty() ||
      (context.serving.max_version == Version::tls1_3 &&
       std::any_of(offer.versions.begin(), offer.versions.end(), is_new))) {
    return true;
  }
  std::size_t size = 0;
  const std::uint8_t* const scope = SSL_get0_session_id_context(ssl, &size);
  std::string text(reinterpret_cast<const char*>(scope), size);
  text += offer.server_name;
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest.data());
  return SSL_set_session_id_context(ssl, digest.data(), digest.size()) == 1;
}

// Runs before BoringSSL judges the hello, so the offer is there whatever comes of it, and before it
// fixes the versions that it will take.
ssl_select_cert_result_t see_client_hello(const SSL_CLIENT_HELLO* hello) {
  auto& wire = wire_of(hello->ssl);
  wire.offer = read_offer(*hello);
  const auto& native = *wire.context;
  auto suites = has_cbc(native.serving.profile, native.serving.min_version) ? Suites::aead_and_cbc
                                                                            : Suites::aead;
  if (native.old_versions == OldVersions::accept && is_old(*wire.offer, native.min_version)) {
    if (!admit_old(hello->ssl, native.serving.profile)) return ssl_select_cert_error;
    suites = Suites::aead_and_cbc;
  }
  if (!scope_to_name(hello->ssl, *wire.offer, native)) return ssl_select_cert_error;
  const auto& certificates = *native.certificates;
  const auto& chosen = certificates.choose(*wire.offer, suites);
  wire.handshake->credentials = &chosen;
  if (&chosen != certificates.all().front().get() &&
      !install(chosen.native(), hello->ssl, SSL_set_chain_and_key)) {
    return ssl_select_cert_error;
  }
  offer_staple(chosen, native, hello->ssl);
  return ssl_select_cert_success;
}

// Asked once the hello is read, where it is known by which alert it may be answered: RFC 6066 section 3.
int judge_server_name(SSL* ssl, int* alert, void*) {
  auto& wire = wire_of(ssl);
  const auto& name = wire.offer->server_name;
  if (!wire.context->sni_strict || name.empty() || wire.context->certificates->knows(name)) {
    return SSL_TLSEXT_ERR_NOACK;  // the name is not acknowledged, as before
  }
  wire.handshake->refusal = Failure::sni_refused;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Only called where the client offers ALPN.
int select_alpn(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t*,
                unsigned, void*) {
  const auto& wire = wire_of(ssl);
  const auto& native = *wire.context;
  switch (judge_alpn(wire.offer->alpn, native.alpn, native.alpn_mode)) {
    case AlpnVerdict::answer_ours:
      *out = reinterpret_cast<const std::uint8_t*>(native.alpn.data());
      *out_size = static_cast<std::uint8_t>(native.alpn.size());
      return SSL_TLSEXT_ERR_OK;
    case AlpnVerdict::refuse:
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    case AlpnVerdict::go_on_without:
      break;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

std::size_t ticket_overhead(SSL*) { return TicketKeys::Native::kOverhead; }

// BoringSSL has just asked what time it is, for this ticket.
int seal_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t,
                const std::uint8_t* session, std::size_t size) {
  const auto& wire = wire_of(ssl);
  *out_size =
      wire.context->ticket_keys->native().seal(wire.handshake->told_time, {session, size}, out);
  return *out_size == 0 ? 0 : 1;
}

ssl_ticket_aead_result_t open_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size,
                                     std::size_t, const std::uint8_t* ticket, std::size_t size) {
  const auto& wire = wire_of(ssl);
  const auto opened = wire.context->ticket_keys->native().open({ticket, size}, out);
  if (!opened) {
    ERR_clear_error();
    return ssl_ticket_aead_ignore_ticket;
  }
  wire.handshake->ticket_time = opened->time;
  *out_size = opened->size;
  return ssl_ticket_aead_success;
}

constexpr SSL_TICKET_AEAD_METHOD kTicketMethod = {ticket_overhead, seal_ticket, open_ticket};

// What BoringSSL takes for the time. It refuses a session from the future, and one that is older than
// clients are told; but a ticket that was opened is of a slot that is taken (tickets.h). So while a
// client has shown one, time is within what that ticket is good for: not before it was sealed, where
// the node that did it has a clock which is ahead; and not behind its end. Only clients' certificates
// need the end as it is: what rests on one ends with it, or before.
std::int64_t time_for(const Handshake& handshake, const ServerContext::Native& context) {
  const auto& keys = *context.ticket_keys;
  const std::int64_t now = keys.native().now().count();
  if (!handshake.ticket_time) return now;
  const auto sealed = *handshake.ticket_time;
  if (now < sealed) return sealed;
  if (context.client_authority || now - sealed >= TicketKeys::kLongestTicket.count()) return now;
  return std::min(now, sealed + keys.lifetime().count() - 1);
}

void tell_time(const SSL*, timeval* time) {
  *time = {};
  const auto* const wire = Timekeeping::wire();
  if (wire == nullptr || wire->handshake == nullptr) return;  // no ticket is sealed or opened there
  time->tv_sec = wire->handshake->told_time = time_for(*wire->handshake, *wire->context);
}

// A session must not resume where other suites are on, or where it would be one of an old version and
// is none here, or the other way round: profile and lowest version decide all of these. That a session
// is of the version that is served, BoringSSL sees to. Nor must it carry a client past another demand
// for its certificate, an authority that is trusted no more, or a new revocation.
std::array<std::uint8_t, SHA256_DIGEST_LENGTH> session_id_context(const ServerOptions& options) {
  std::string text = std::to_string(number_of(options.min_version));
  text += '\n' + std::to_string(static_cast<int>(options.profile)) + '\n';
  if (options.client_certificates != ClientCertificates::none) {
    text += options.client_certificates == ClientCertificates::require ? "require " : "request ";
    if (options.client_authority) text += options.client_authority->native().digest;
  }
  text += '\n';
  text += options.resumption_scope;
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest.data());
  return digest;
}

// "" or what is wrong.
std::string configure(SSL_CTX* context, const ServerOptions& options) {
  if (SSL_CTX_set_min_proto_version(context, number_of(options.min_version)) == 0 ||
      SSL_CTX_set_max_proto_version(context, number_of(options.max_version)) == 0) {
    return "this BoringSSL does not have the TLS version";
  }
  const auto suites = suites_of(options.profile, options.min_version);
  const auto groups = groups_of(options.profile);
  const auto scope = session_id_context(options);
  if (SSL_CTX_set_strict_cipher_list(context, suites.c_str()) == 0 ||
      SSL_CTX_set1_curves_list(context, groups.c_str()) == 0 ||
      SSL_CTX_set_session_id_context(context, scope.data(), scope.size()) == 0) {
    return "this BoringSSL does not have the cipher suites or groups";
  }
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Sessions live in tickets alone: a cache would be one lock for all workers.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);  // mail programs keep one session, not one for each use
  SSL_CTX_set_early_data_enabled(context, 0);  // replays: RFC 8446 section 8
  SSL_CTX_set_select_certificate_cb(context, see_client_hello);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  if (options.sni_strict) SSL_CTX_set_tlsext_servername_callback(context, judge_server_name);
  if (auto fault = ask_for_certificates(context, options); !fault.empty()) return fault;
  if (options.ticket_keys) {
    SSL_CTX_set_ticket_aead_method(context, &kTicketMethod);
    SSL_CTX_set_current_time_cb(context, tell_time);
    const auto seconds = static_cast<std::uint32_t>(options.ticket_keys->lifetime().count());
    SSL_CTX_set_timeout(context, seconds);
    SSL_CTX_set_session_psk_dhe_timeout(context, seconds);
  }
  return {};
}

KeyKinds kinds_of(const std::vector<std::shared_ptr<const Credentials>>& all) {
  KeyKinds kinds;
  for (const auto& credentials : all) {
    const int kind = EVP_PKEY_id(credentials->native().key.get());
    (kind == EVP_PKEY_RSA ? kinds.rsa : kind == EVP_PKEY_EC ? kinds.ecdsa : kinds.ed25519) = true;
  }
  return kinds;
}

}  // namespace

thread_local constinit Wire* Timekeeping::wire_ = nullptr;

ServerContext::ServerContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
ServerContext::~ServerContext() = default;

Result<std::shared_ptr<const ServerContext>> ServerContext::make(const ServerOptions& options) {
  auto certificates = options.certificates;
  if (!certificates && !options.credentials.empty()) {
    certificates = std::make_shared<const CertificateChoice>(options.credentials);
  }
  if (!certificates) return Error{"TLS needs a certificate"};
  if (options.min_version > options.max_version) {
    return Error{"the lowest TLS version is above the highest"};
  }
  if (options.alpn.size() > 255) return Error{"the ALPN protocol's name is too long"};
  auto native = std::make_unique<Native>();
  native->context.reset(SSL_CTX_new(TLS_with_buffers_method()));
  if (!native->context) return Error{"out of memory"};
  const auto fault = configure(native->context.get(), options);
  // The first stays; others are installed in the handshake that chooses them.
  const bool has_first = install(certificates->all().front()->native(), native->context.get(),
                                 SSL_CTX_set_chain_and_key);
  ERR_clear_error();
  if (!fault.empty()) return Error{fault};
  if (!has_first) return Error{"out of memory"};
  native->min_version = number_of(options.min_version);
  native->serving = {options.profile, options.min_version, options.max_version,
                     kinds_of(certificates->all())};
  native->old_versions = options.old_versions;
  native->certificates = std::move(certificates);
  native->alpn = options.alpn;
  native->alpn_mode = options.alpn_strict ? AlpnMode::strict : AlpnMode::off;
  native->sni_strict = options.sni_strict;
  native->ticket_keys = options.ticket_keys;
  native->now = options.now;
  if (options.client_certificates != ClientCertificates::none) {
    native->client_authority = options.client_authority;
  }
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(native)));
}

const Serving& ServerContext::serving() const { return native_->serving; }

std::vector<std::string> ServerContext::suites() const {
  std::vector<std::string> names;
  for (const SSL_CIPHER* const suite : SSL_CTX_get_ciphers(native_->context.get())) {
    names.emplace_back(SSL_CIPHER_standard_name(suite));
  }
  return names;
}

std::string library_version() {
  std::string text = "BoringSSL API " + std::to_string(BORINGSSL_API_VERSION) + " with";
  for (const auto& group : group_names(Profile::intermediate)) text += " " + group;
  return text;
}

}  // namespace postern::tls
