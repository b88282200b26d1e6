// BoringSSL's side of the client's classes. For this room's own files only.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/boringssl.h"
#include "tls/client_context.h"
#include "tls/client_engine.h"
#include "tls/native.h"

namespace postern::tls {

struct Trust::Native {
  bssl::UniquePtr<X509_STORE> store;
  std::size_t size = 0;
};

struct ClientContext::Native {
  using Moment = std::chrono::system_clock::time_point;

  struct Kept {
    bssl::UniquePtr<SSL_SESSION> session;
    Moment not_after;  // of the certificate that the session began with
  };

  // Keeps a session; the oldest goes where there are too many.
  void keep(bssl::UniquePtr<SSL_SESSION> session, Moment not_after) const;
  // The youngest session that may be resumed; none where there is none.
  std::optional<Kept> take() const;
  // Forgets a session, where it is still there; or all of them.
  void forget(const SSL_SESSION* session) const;
  void forget_all() const;

  ClientOptions options;
  bool is_numeric = false;
  // Servers' certificates, each once however many sessions hold it. Before the context: that goes first.
  bssl::UniquePtr<CRYPTO_BUFFER_POOL> pool;
  bssl::UniquePtr<SSL_CTX> context;
  mutable std::mutex mutex;
  mutable std::vector<Kept> sessions;  // the youngest last
};

// What lies behind a client's SSL: the server's Wire with what its callbacks leave there.
struct ClientWire : Wire {
  const ClientContext::Native* native = nullptr;
  ClientContext::Native::Moment not_after = ClientContext::Native::Moment::max();
  std::string fault;  // why the certificate is not the one expected
};

// Whether this is an IPv4 or IPv6 address in numbers, without brackets.
bool is_address(const std::string& name);

// Whether the server's certificate is the one that its context expects: "", or why not in words.
// `not_after` becomes the leaf's.
std::string judge_server(const SSL* ssl, const ClientContext::Native& context,
                         ClientContext::Native::Moment& not_after);

ServerCertificate describe(const CRYPTO_BUFFER* leaf);

}  // namespace postern::tls
