// What one listener offers to its sessions: an immutable snapshot, shared by all workers.
#pragma once

#include <array>
#include <memory>

#include "conf/settings.h"
#include "protocols/dialogue.h"
#include "proxy/backend/link.h"
#include "tls/server_context.h"

namespace postern::session {

struct Service {
  std::shared_ptr<const conf::Settings> settings;
  std::size_t index = 0;  // into Settings::listeners
  protocols::Protocol protocol{};
  protocols::Options options;
  // One for each conf::TlsVersion that is the lowest for some client of this listener; the others
  // are null, all of them with `tls: none`.
  std::array<std::shared_ptr<const tls::ServerContext>, 4> tls;
  backend::Backend backend;

  const conf::Listener& listener() const { return settings->listeners[index]; }
  const std::shared_ptr<const tls::ServerContext>& tls_from(conf::TlsVersion lowest) const {
    return tls[static_cast<std::size_t>(lowest)];
  }
};

}  // namespace postern::session
