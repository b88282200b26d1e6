// Settings as read, with the places that the checks between them point at. A place of line 0: not
// stated, or not valid (then its error is reported already); a check that needs it keeps silent.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "conf/settings.h"

namespace postern::conf {

inline constexpr std::size_t kMostListeners = 256;

// Of the keys that `tls` and a listener have in common.
struct TlsPlaces {
  Place profile;
  Place min_version;
  Place min_version_from;
  Place max_version;
  Place alpn;
  Place old_tls;
  Place sni;
  Place tickets;
  Place client_ca;
  Place client_certificates;
  Place client_crl;
  bool are_clients_whole = true;  // false where a key about their certificates is not valid
};

struct ListenerPlaces {
  Place name;
  Place protocol;
  Place tls_mode;
  Place auto_wait;
  Place legacy_tls;
  Place legacy_servers_key;
  std::vector<Place> legacy_servers;  // one for each of Listener::legacy_servers
  Place bare_newlines;
  TlsPlaces tls;
  Place backend;
  std::string backend_name;
  std::vector<Place> addresses;  // one for each of Listener::addresses
};

struct BackendPlaces {
  Place name;
  std::vector<Place> servers;  // one for each of Backend::servers
};

// A listener by its name, as a rule has it.
struct Mention {
  std::string name;
  Place place;
};

struct RulePlaces {
  Place name;
  std::vector<Place> from;  // one for each of Rule::from
  Place bare_newlines;
  std::vector<Mention> listeners;
  bool names_users = false;  // by patterns that need not be valid
  // Whom it is for, and how long, is known: all of it is valid.
  bool is_whole = false;
};

enum class Given { no, yes };

struct Draft {
  Settings settings;
  std::vector<ListenerPlaces> listeners;  // one for each of Settings::listeners
  std::vector<BackendPlaces> backends;    // one for each of Settings::backends
  std::vector<RulePlaces> rules;          // one for each of Settings::rules
  Given certificates = Given::no;         // yes, too, where they are not valid
  TlsPlaces tls;
  Place connections_per_ip;
  Place idle_timeout;
  Place hide;
};

inline bool is_stated(Place place) { return place.line > 0; }

// "line 12"
inline std::string on_line(Place place) { return "line " + std::to_string(place.line); }

}  // namespace postern::conf
