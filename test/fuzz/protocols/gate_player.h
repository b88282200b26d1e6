// Plays the session's part for a gate, and demands what holds for the gates of all protocols. The
// letters of a script (script.h): no conditions;
//
//   C c   bytes of the client
//   L     a login with the marked secret, in the way of its number ("L3", marked_login.h)
//   f     a farewell
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"
#include "test/fuzz/heap.h"
#include "test/fuzz/protocols/transcript.h"
#include "test/fuzz/script.h"

namespace postern::test {

struct GateInput {
  protocols::Protocol protocol{};
  protocols::Options options;
  Script script;       // its L are bytes of the client by now
  std::string client;  // all bytes
};

GateInput read_gate_input(protocols::Protocol protocol, std::string_view text);

// Plays the script in all cuttings and demands that they come to the same: nothing goes to a backend,
// no login is judged or answered, what is kept is bounded, it ends; each call's answers are whole
// lines; behind BeginTls the rest is what came behind the STARTTLS line. Gives the transcript.
Transcript play_gate(const GateInput& input);

}  // namespace postern::test
