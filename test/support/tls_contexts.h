// What one listener serves, for tests that make sessions without a server: a context for each lowest
// version.
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
    auto context = tls::ServerContext::make(options);
    if (!context) throw std::runtime_error(context.error().message);
    contexts.emplace_back(session::TlsTerms{lowest}, *context);
  }
  return std::make_shared<session::CurrentTls>(session::TlsSnapshot{std::move(contexts)});
}

}  // namespace postern::test
