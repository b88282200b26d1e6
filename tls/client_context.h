// What all TLS connections to one server share: whom postern expects there, its own certificate, and the
// TLS sessions that may be resumed.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/credentials.h"
#include "tls/error.h"
#include "tls/trust.h"

namespace postern::tls {

// SHA-256 of a certificate's SubjectPublicKeyInfo: RFC 7469 section 2.4.
using Pin = std::array<std::uint8_t, 32>;

// As curl writes it: "sha256//" and Base64.
std::string text_of(const Pin& pin);

struct ClientOptions {
  // Whom the certificate must be for: a host name, compared as RFC 6125 section 6.4 says (a wildcard
  // stands for the whole leftmost label; a common name counts only without subjectAltName), or a
  // numeric address without brackets, which must be among its IP addresses. A host name is also sent
  // as SNI (RFC 6066 section 3: never an address).
  std::string name = {};
  // By which the chain is verified, for `name` and the time of day. Null: nobody is asked.
  std::shared_ptr<const Trust> trust = {};
  // The leaf's key must be one of them; empty: any.
  std::vector<Pin> pins = {};
  // Shown where the server asks for one; may be null. Its key signs on the loop, be it RSA: a handshake
  // with a backend is resumed mostly.
  std::shared_ptr<const Credentials> credentials = {};
  // Behind what moment an expired certificate's session is not resumed. Null: never looked at.
  std::function<std::chrono::system_clock::time_point()> now = {};
};

// Immutable but for its sessions; used by any number of engines on any thread.
class ClientContext {
 public:
  // TLS sessions kept at most: one for each of the backend connections that begin at about the same time
  // (RFC 8446 appendix C.4: a ticket of TLS 1.3 serves once).
  static constexpr std::size_t kMostSessions = 32;

  // TLS 1.2 and 1.3, with forward secrecy and AEAD only. No 0-RTT, no renegotiation. Errors: a name that
  // is neither host nor address, own credentials that TLS cannot use.
  static Result<std::shared_ptr<const ClientContext>> make(const ClientOptions& options);
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;
  ~ClientContext();

  std::size_t kept_sessions() const;
  // Whether it has credentials of its own.
  bool shows_certificate() const;

  struct Native;
  const Native& native() const { return *native_; }

 private:
  explicit ClientContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace postern::tls
