// Counts what is allocated while postern's code runs, session by session: operator new and
// BoringSSL's own allocator lead here. Not under sanitizers, which have their own: there it is 0.
#pragma once

#include <cstddef>

namespace postern::sim::memory {

// How many sessions of one simulation are told apart.
inline constexpr int kMostSessions = 8;

// What is allocated from here on is this session's; -1: nobody's. Gives the one before.
int charge(int session);
// Octets that are allocated for it at the moment.
std::size_t held(int session);
// Whether octets are counted at all.
bool is_counting();

}  // namespace postern::sim::memory
