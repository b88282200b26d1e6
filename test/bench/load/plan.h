// What a simulated client does in a scenario, as lists of steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "test/bench/load/protocol.h"
#include "test/bench/load/reply_reader.h"

namespace postern::bench {

enum class Tls { implicit, starttls };

enum class Scenario {
  handshake,  // connect, TLS, greeting, LOGOUT
  resume,     // the same, with the ticket of the client's connection before
  visit,      // connect, TLS, greeting; it leaves without a word
  session,    // connect, TLS, greeting, login, NOOP, LOGOUT
  down,       // IMAP: FETCH of one large message, again and again in one session
  up,         // SMTP: one large message after the other in one session
  noop,       // NOOP after NOOP in one session
  idle,       // IMAP: IDLE; an operation ends it and begins the next
};

struct Step {
  bool starts_tls = false;
  std::string send;  // "" where the server speaks by itself
  Answer answer = Answer::success;
};

using Script = std::vector<Step>;

struct Plan {
  bool reconnects = false;   // each operation has a connection of its own
  Script open;               // on a new connection, before the first operation
  Script work;               // one operation
  Script close;              // after the last
  std::uint64_t upload = 0;  // octets that an operation sends beside commands
};

// `message` is the size in octets of what `up` sends.
Plan plan_of(Scenario scenario, Protocol protocol, Tls tls, std::uint64_t message);

}  // namespace postern::bench
