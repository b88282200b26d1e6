// Drives a gate or a dialogue with a transcript, whole, byte by byte and at seeded random cuts, and
// demands the same steps each time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dialogue.h"

namespace postern::test {

// One line of a transcript.
struct Action {
  enum class Kind { feed, ended } kind = Kind::feed;
  protocols::Side side = protocols::Side::client;
  std::string bytes;
  protocols::Ending ending = protocols::Ending::closed;
};

Action client(std::string_view bytes);
Action backend(std::string_view bytes);
Action ended(protocols::Side side, protocols::Ending how = protocols::Ending::closed);

// What the session's policy would say to each LoginTried.
using Policy = std::function<protocols::Verdict(const protocols::Login&)>;
Policy always(protocols::Verdict verdict);

// Steps in text, one a line, for whole comparisons: "C: <bytes>" (to client) and "B: <bytes>" (to
// backend) with \r, \n, \0 and other non-printables escaped and adjacent sends to one side joined;
// "tried MECH user=… auth=… secret", "answered MECH user=… success", "refused …", "named ehlo …",
// "mail", "alarm KIND DETAIL", "tls REST", "passthrough", "shut backend", "end CAUSE".
// Each action's steps are joined into one text, so a cut inside an action must not change it.
using Maker = std::function<std::unique_ptr<protocols::Dialogue>()>;
using GateMaker = std::function<std::unique_ptr<protocols::Gate>()>;

// Runs the transcript whole, byte by byte and at random cuts; the test fails where they differ.
// Gives the steps of the whole run. A side that the dialogue does not want is fed all the same only
// when `wants` allows; bytes that it does not want are delivered as soon as it does.
std::string run(const Maker& make, const std::vector<Action>& actions,
                const Policy& policy = always(protocols::Verdict::allow));
std::string run(const GateMaker& make, std::string_view client_bytes);

// Escapes as described above.
std::string printable(std::string_view bytes);

}  // namespace postern::test
