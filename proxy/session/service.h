// What one listener offers to its sessions, shared by all workers: immutable, but for certificates.
#pragma once

#include <memory>

#include "conf/settings.h"
#include "protocols/dialogue.h"
#include "proxy/backend/link.h"
#include "proxy/session/tls_contexts.h"

namespace postern::session {

struct Service {
  std::shared_ptr<const conf::Settings> settings;
  std::size_t index = 0;  // into Settings::listeners
  protocols::Protocol protocol{};
  protocols::Options options;
  std::shared_ptr<const CurrentTls> tls;  // all listeners'
  backend::Backend backend;
  backend::Backend legacy;  // its own TLS ports; no servers where nothing is spliced

  const conf::Listener& listener() const { return settings->listeners[index]; }
};

// The settings' word for it in the dialogues' terms.
constexpr protocols::Protocol protocol_of(conf::Protocol protocol) {
  switch (protocol) {
    case conf::Protocol::smtp:
      return protocols::Protocol::smtp;
    case conf::Protocol::submission:
      return protocols::Protocol::submission;
    case conf::Protocol::imap:
      return protocols::Protocol::imap;
    case conf::Protocol::pop3:
      return protocols::Protocol::pop3;
  }
  __builtin_unreachable();
}

}  // namespace postern::session
