// BoringSSL's headers for this room, and the only place that knows differences between its
// versions: from API version 17 (2022, Debian 12) on. Everything else in this room uses calls that
// all of them have. For this room's own files only.
#pragma once

#include <openssl/aead.h>
#include <openssl/asn1.h>
#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/pool.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static_assert(BORINGSSL_API_VERSION >= 17, "BoringSSL is older than any that was tried");

namespace postern::tls {

// Key exchange groups by preference. The hybrid with ML-KEM (draft-ietf-tls-ecdhe-mlkem) came
// between two API versions, so its number's macro tells, not the version.
#if BORINGSSL_API_VERSION > 17 && defined(SSL_GROUP_X25519_MLKEM768)
inline constexpr bool kHasHybrid = true;
inline constexpr const char* kGroups = "X25519MLKEM768:X25519:P-256:P-384";
#else
inline constexpr bool kHasHybrid = false;
inline constexpr const char* kGroups = "X25519:P-256:P-384";
#endif

// A server's RSA certificate whose keyUsage does not allow what its key does in the handshake is refused
// (RFC 5280 section 4.2.1.3). From API version 20 on that is so for all, and the call goes away later.
inline void enforce_key_usage(SSL* ssl) {
#if BORINGSSL_API_VERSION < 20
  SSL_set_enforce_rsa_key_usage(ssl, 1);
#else
  (void)ssl;
#endif
}

}  // namespace postern::tls
