// Settings as read, with the places that the checks between them point at. A place of line 0: not
// stated, or not valid (then its error is reported already); a check that needs it keeps silent.
#pragma once

#include <string>
#include <vector>

#include "conf/settings.h"

namespace postern::conf {

struct ListenerPlaces {
  Place name;
  Place protocol;
  Place tls_mode;
  Place cleartext_login;
  Place bare_newlines;
  Place min_version;
  Place max_version;
  Place alpn;
  Place backend;
  std::string backend_name;
  std::vector<Place> addresses;  // one for each of Listener::addresses
};

struct BackendPlaces {
  Place name;
  std::vector<Place> servers;  // one for each of Backend::servers
};

enum class Given { no, yes };

struct Draft {
  Settings settings;
  std::vector<ListenerPlaces> listeners;  // one for each of Settings::listeners
  std::vector<BackendPlaces> backends;    // one for each of Settings::backends
  Given certificates = Given::no;         // yes, too, where they are not valid
  Place min_version;
  Place max_version;
  Place connections_per_ip;
  Place idle_timeout;
  Place hide;
};

}  // namespace postern::conf
