// From settings to what workers serve: certificates loaded, host names resolved, contexts made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "proxy/session/service.h"

namespace postern::server {

struct Services {
  // One for each listener of the settings, in their order.
  std::vector<std::shared_ptr<const session::Service>> list;
  // What is wrong, each with "file:line:column: ", all at once; the list is of no use then.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // an expired certificate, and the like
};

// Reads certificates and keys and looks names up (it may block). Binds and changes nothing.
Services make_services(std::shared_ptr<const conf::Settings> settings);

}  // namespace postern::server
