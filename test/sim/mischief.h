// Turns an honest plan into one whose peers or network are not.
#pragma once

#include "test/sim/plan.h"
#include "test/sim/random.h"

namespace postern::sim {

// The network fails or stands still; both actors are honest.
void spoil_network(Random& random, Plan& plan);
// The client does what no mail program should. See client_mischief.cc.
void spoil_client(Random& random, Plan& plan);
// The backend lies, stalls, floods or dies. See backend_mischief.cc.
void spoil_backends(Random& random, Plan& plan);

// The other side is told to expect anything.
void trust_nobody(Plan& plan);
// Puts a step somewhere into a script, its end included.
void insert(Random& random, Script& script, const Op& op);
// One of the ways to break off, at some step; the steps behind it never come.
void break_off(Random& random, Script& script);

}  // namespace postern::sim
