// The commands that speak to a running postern by its admin socket: `postern certificates list`,
// `postern certificates reload`, `postern metrics`.
#pragma once

#include <string>

namespace postern::commands {

struct ControlRequest {
  enum class What { list, reload, metrics } what = What::list;
  std::string settings_path;  // whose admin.socket it is; "": see below
  std::string socket;         // goes before that; both "": the default path
  bool json = false;          // the list as one JSON object
};

// Prints the answer. The exit status: 0; 1 where no postern answers, or it says no.
int control(const ControlRequest& request);

}  // namespace postern::commands
