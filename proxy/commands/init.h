// What `postern init` prints: a first configuration for one server. Pure.
#pragma once

#include <string>

namespace postern::commands {

struct InitRequest {
  std::string hostname;     // what clients call this server
  std::string backend;      // the server behind: a host name or numeric address, without a port
  std::string certificate;  // path of the chain; both paths, or neither: then below /etc/postern
  std::string key;
};

// What is wrong with the request, for a person at the command line: one line of printable text that
// names the option. "" where it is good. Hostile input ends here: nothing of it gets into a file.
std::string fault_of(const InitRequest& request);

// The whole file, commented, with every protocol: it loads without error or warning. "" where the
// request has a fault.
std::string initial_settings(const InitRequest& request);

}  // namespace postern::commands
