// What one simulated session is to be: its listener, its policy, its client, its backends and the
// network between them. All of it follows from a seed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "protocols/dialogue.h"
#include "proxy/session/end_reason.h"
#include "test/sim/actor.h"
#include "test/sim/script.h"
#include "test/sim/sim_net.h"
#include "test/support/tls_client.h"

namespace postern::sim {

// Texts that nothing else says, so that it can be told where each of them came.
struct Marks {
  std::string user;    // a user of this session alone
  std::string secret;  // its password, and as AUTH PLAIN sends it
  std::string secret_base64;
  std::string secret_plain;
  std::string before;   // the client says it before its TLS only
  std::string backend;  // in what the backends say
};

// One connection to a backend, and what becomes of it.
struct BackendPart {
  DialFate fate;
  Script script;
  Trust trust = Trust::everything;
};

// The network fails: from `at` on after the session's beginning.
struct Fault {
  enum class Kind { cut, clog_to_postern, clog_to_actor } kind = Kind::cut;
  enum class Which { client, backend } which = Which::client;
  Moment at = 0;
  Moment lasts = 0;
};

enum class ClearLogins { allowed, warned, refused };

struct Plan {
  int session = 0;
  Moment begins = 0;
  protocols::Protocol protocol{};
  conf::TlsMode mode{};
  // Where mode is automatic, so that this is served: then nothing is said before.
  bool begins_in_tls = false;
  ClearLogins clear_logins{};
  bool is_by_user_rule = false;  // clear_logins holds by a rule for this session's user
  std::string opened_by;         // the rule that makes a `required` listener an optional one
  conf::Settings settings;       // with one listener
  std::size_t servers = 1;

  Marks marks;
  Script client;
  Trust client_trust = Trust::everything;
  Manners client_manners;
  test::TlsClientOptions tls;
  std::vector<BackendPart> backends;  // in the order of the dials; the last for all that follow
  std::vector<Fault> faults;
  std::optional<Moment> shut_down;  // after its beginning

  // Where both actors are honest and the network is sound: how it may end.
  std::vector<session::EndReason> ends;
  std::string name;  // what it is, for messages

  // The client's mischiefs cross, or its lines end elsewhere than they seem to: what it says may come
  // as text, or under TLS, so where it goes says nothing.
  bool is_garbled = false;

  // Both actors are honest and the network is sound: all must go well.
  bool must_succeed() const { return !ends.empty(); }
  bool is_secure_only() const {
    if (mode == conf::TlsMode::automatic) return begins_in_tls && must_succeed();
    return mode == conf::TlsMode::required || mode == conf::TlsMode::implicit;
  }
};

// Makes the plan of one session.
Plan make_plan(Random& random, int session);

}  // namespace postern::sim
