// What one listener serves, for tests that make sessions without a server: a context for each lowest
// version, and for a rule's clients that may have RSA key exchange.
#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include "proxy/session/tls_contexts.h"

namespace postern::test {

// Of `options`, but for their lowest version. Throws where a context cannot be made.
inline std::shared_ptr<const session::CurrentTls> serve_each_version(tls::ServerOptions options) {
  using conf::TlsVersion;
  session::TlsContexts contexts;
  for (const auto lowest :
       {TlsVersion::tls1_0, TlsVersion::tls1_1, TlsVersion::tls1_2, TlsVersion::tls1_3}) {
    options.min_version = static_cast<tls::Version>(lowest);
    for (const bool is_island : {false, true}) {
      options.profile = is_island ? tls::Profile::island : tls::Profile::intermediate;
      auto context = tls::ServerContext::make(options);
      if (!context) throw std::runtime_error(context.error().message);
      const auto profile = is_island ? conf::Profile::legacy : conf::Profile::intermediate;
      contexts.emplace_back(session::TlsTerms{lowest, profile, is_island}, *context);
    }
  }
  return std::make_shared<session::CurrentTls>(session::TlsSnapshot{std::move(contexts)});
}

}  // namespace postern::test
