// What many simulations have reached together: how often each end and each way between two states.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "proxy/session/end_reason.h"
#include "proxy/session/states.h"

namespace postern::sim {

struct Tally {
  std::uint64_t worlds = 0;
  std::uint64_t sessions = 0;
  std::uint64_t succeeded = 0;  // of them, honest on both sides, with a sound network
  std::uint64_t resumed = 0;    // TLS sessions
  std::size_t most_memory = 0;  // that one session held, in octets
  std::map<std::string, std::uint64_t, std::less<>> ends;
  std::map<std::string, std::uint64_t, std::less<>> actions;  // of events
  std::map<std::string, std::uint64_t, std::less<>> plans;
  std::array<std::array<std::uint64_t, session::kEvents.size()>, session::kStates.size()> ways{};

  // A session was seen in one state and then in another: counts the ways that lead there.
  void passed(session::State from, session::State to);
  // The whole as text, with what was never reached.
  std::string text() const;
  // End reasons that no session reached although one can.
  std::string missing_ends() const;
};

}  // namespace postern::sim
