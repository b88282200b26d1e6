// What every protocol's gate has in common before TLS.
#pragma once

namespace postern::protocols {

// Commands that a gate answers; the next one ends the session. Each is answered at once, so that the
// answers to many in one piece would pile up where the client reads none: to as many as this they
// are less than what a session may queue.
inline constexpr int kMaxGateCommands = 100;

}  // namespace postern::protocols
