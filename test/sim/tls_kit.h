// postern's TLS in the simulation, made once: contexts, and TLS sessions that clients resume.
#pragma once

#include <array>
#include <memory>

#include "conf/settings.h"
#include "proxy/session/tls_contexts.h"
#include "test/sim/random.h"
#include "test/support/tls_client.h"

namespace postern::sim {

// The lengths of all TLS messages must be the same in each run of a seed. An ECDSA signature's is
// not, so the key is Ed25519, and RSA for clients that are too old for it.
class TlsKit {
 public:
  static const TlsKit& instance();
  const std::shared_ptr<const session::CurrentTls>& contexts(conf::OldTls old_tls) const {
    return old_tls == conf::OldTls::explain ? explaining_ : usual_;
  }
  // A client of today, which mostly resumes.
  test::TlsClientOptions client(Random& random) const;

 private:
  TlsKit();

  std::shared_ptr<const session::CurrentTls> usual_;  // of listener 0
  std::shared_ptr<const session::CurrentTls> explaining_;
  std::array<test::TlsSessionPtr, 2> sessions_;  // TLS 1.2, 1.3
};

}  // namespace postern::sim
