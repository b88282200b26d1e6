// The states of a session and every way from one to another.
//
//   accepted -(implicit)------------------------> handshake
//   accepted -(required)-> gate -(upgrade)------> handshake -(secured)-> dialling
//   accepted -(clear)----------------------------------------------> dialling
//   accepted -(undecided)-> deciding              TLS and clear text on one port: then, by the
//   deciding -(implicit | required | clear)->     first bytes or their lack, as from accepted
//   dialling -(linked)-> dialogue -(let_go)-> passthrough
//   handshake -(unserved)-> splicing -(linked)-> passthrough    to the old server's own TLS
//   dialling, dialogue -(upgrade)-> handshake         the backend session before it is closed
//   every state but closed -(farewell)-> draining     what was said is delivered, within a deadline
//   every state -(gone)-> closed
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace postern::session {

enum class State {
  accepted,     // nothing has been done yet
  deciding,     // whether the client begins TLS or awaits a greeting
  gate,         // before TLS, postern answers alone
  handshake,    // the client's TLS handshake
  splicing,     // the backend's own TLS server is, for a client that nothing is served to here
  dialling,     // the backend is being connected to
  dialogue,     // both sides are read
  passthrough,  // bytes only
  draining,     // the farewell is on its way; what the client still sends is thrown away
  closed,       // all is let go of
};

enum class Event {
  undecided,
  implicit,
  required,
  clear,
  upgrade,
  secured,
  unserved,
  linked,
  let_go,
  farewell,
  gone
};

inline constexpr std::array kStates = {
    State::accepted, State::deciding, State::gate,        State::handshake, State::splicing,
    State::dialling, State::dialogue, State::passthrough, State::draining,  State::closed};
inline constexpr std::array kEvents = {Event::undecided, Event::implicit, Event::required,
                                       Event::clear,     Event::upgrade,  Event::secured,
                                       Event::unserved,  Event::linked,   Event::let_go,
                                       Event::farewell,  Event::gone};

// The state that follows; none where the event is illegal in that state.
constexpr std::optional<State> next(State state, Event event) {
  const bool is_at_start = state == State::accepted || state == State::deciding;
  switch (event) {
    case Event::undecided:
      if (state == State::accepted) return State::deciding;
      return std::nullopt;
    case Event::implicit:
      if (is_at_start) return State::handshake;
      return std::nullopt;
    case Event::required:
      if (is_at_start) return State::gate;
      return std::nullopt;
    case Event::clear:
      if (is_at_start) return State::dialling;
      return std::nullopt;
    case Event::upgrade:
      if (state == State::gate || state == State::dialling || state == State::dialogue) {
        return State::handshake;
      }
      return std::nullopt;
    case Event::secured:
      if (state == State::handshake) return State::dialling;
      return std::nullopt;
    case Event::unserved:
      if (state == State::handshake) return State::splicing;
      return std::nullopt;
    case Event::linked:
      if (state == State::dialling) return State::dialogue;
      if (state == State::splicing) return State::passthrough;
      return std::nullopt;
    case Event::let_go:
      if (state == State::dialogue) return State::passthrough;
      return std::nullopt;
    case Event::farewell:
      if (state == State::draining || state == State::closed) return std::nullopt;
      return State::draining;
    case Event::gone:
      return State::closed;
  }
  return std::nullopt;
}

}  // namespace postern::session
