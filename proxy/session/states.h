// The states of a session and every way from one to another.
//
//   accepted -(implicit)------------------------> handshake
//   accepted -(required)-> gate -(upgrade)------> handshake -(secured)-> dialling
//   accepted -(clear)----------------------------------------------> dialling
//   dialling -(linked)-> dialogue -(let_go)-> passthrough
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
  gate,         // before TLS, postern answers alone
  handshake,    // the client's TLS handshake
  dialling,     // the backend is being connected to
  dialogue,     // both sides are read
  passthrough,  // bytes only
  draining,     // the farewell is on its way; what the client still sends is thrown away
  closed,       // all is let go of
};

enum class Event { implicit, required, clear, upgrade, secured, linked, let_go, farewell, gone };

inline constexpr std::array kStates = {State::accepted, State::gate,     State::handshake,
                                       State::dialling, State::dialogue, State::passthrough,
                                       State::draining, State::closed};
inline constexpr std::array kEvents = {Event::implicit, Event::required, Event::clear,
                                       Event::upgrade,  Event::secured,  Event::linked,
                                       Event::let_go,   Event::farewell, Event::gone};

// The state that follows; none where the event is illegal in that state.
constexpr std::optional<State> next(State state, Event event) {
  switch (event) {
    case Event::implicit:
      if (state == State::accepted) return State::handshake;
      return std::nullopt;
    case Event::required:
      if (state == State::accepted) return State::gate;
      return std::nullopt;
    case Event::clear:
      if (state == State::accepted) return State::dialling;
      return std::nullopt;
    case Event::upgrade:
      if (state == State::gate || state == State::dialling || state == State::dialogue) {
        return State::handshake;
      }
      return std::nullopt;
    case Event::secured:
      if (state == State::handshake) return State::dialling;
      return std::nullopt;
    case Event::linked:
      if (state == State::dialling) return State::dialogue;
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
