// The state table, every pair of it.
#include "proxy/session/states.h"

#include <catch2/catch.hpp>
#include <set>

using namespace postern::session;

TEST_CASE("TLS before anything else: no way leads from accepted or gate past the handshake") {
  // From `gate`, without the handshake, only an end can be reached.
  for (const auto event : kEvents) {
    const auto following = next(State::gate, event);
    if (!following) continue;
    REQUIRE((*following == State::handshake || *following == State::draining ||
             *following == State::closed));
  }
}

TEST_CASE("a backend is dialled only in the clear by choice, or after a complete handshake") {
  for (const auto state : kStates) {
    for (const auto event : kEvents) {
      if (next(state, event) != State::dialling) continue;
      const bool by_choice =
          (state == State::accepted || state == State::deciding) && event == Event::clear;
      const bool after_handshake = state == State::handshake && event == Event::secured;
      REQUIRE((by_choice || after_handshake));
    }
  }
}

TEST_CASE("draining only closes, and closed stays closed") {
  for (const auto event : kEvents) {
    const auto after_draining = next(State::draining, event);
    REQUIRE((!after_draining || *after_draining == State::closed));
    const auto after_closed = next(State::closed, event);
    REQUIRE((!after_closed || *after_closed == State::closed));
  }
}

TEST_CASE("every state can be reached, and from every state the end") {
  std::set<State> reached = {State::accepted};
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto state : std::set<State>(reached)) {
      for (const auto event : kEvents) {
        if (const auto following = next(state, event)) grew |= reached.insert(*following).second;
      }
    }
  }
  REQUIRE(reached.size() == kStates.size());
  for (const auto state : kStates) REQUIRE(next(state, Event::gone) == State::closed);
}

TEST_CASE(
    "bytes pass unread behind a dialogue, or to the backend's own TLS, which no other way leads "
    "to") {
  for (const auto state : kStates) {
    for (const auto event : kEvents) {
      const auto following = next(state, event);
      if (following == State::splicing) REQUIRE(state == State::handshake);
      if (following != State::passthrough) continue;
      REQUIRE((state == State::dialogue || state == State::splicing));
    }
  }
}
