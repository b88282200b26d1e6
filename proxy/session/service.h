// What one listener offers to its sessions: an immutable snapshot, shared by all workers.
#pragma once

#include <memory>

#include "conf/settings.h"
#include "protocols/dialogue.h"
#include "proxy/backend/link.h"
#include "tls/server_context.h"

namespace postern::session {

struct Service {
  conf::Listener listener;
  conf::Limits limits;
  protocols::Protocol protocol;
  protocols::Options options;
  std::shared_ptr<const tls::ServerContext> tls;  // null with `tls: none`
  backend::Backend backend;
};

}  // namespace postern::session
