// See tally.h.
#include "test/sim/tally.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

namespace postern::sim {

using session::EndReason;
using session::Event;
using session::State;

namespace {

constexpr auto kStateNames =
    std::to_array<std::string_view>({"accepted", "deciding", "gate", "handshake", "splicing",
                                     "dialling", "dialogue", "passthrough", "draining", "closed"});
constexpr auto kEventNames = std::to_array<std::string_view>(
    {"undecided", "implicit", "required", "clear", "upgrade", "secured", "unserved", "linked",
     "let_go", "farewell", "gone"});
static_assert(kStateNames.size() == session::kStates.size());
static_assert(kEventNames.size() == session::kEvents.size());

std::size_t index_of(State state) { return static_cast<std::size_t>(state); }
std::size_t index_of(Event event) { return static_cast<std::size_t>(event); }

// Of which way there is only one: between two looks at a session more than one step may lie.
std::vector<Event> path(State from, State to) {
  for (const auto event : session::kEvents) {
    if (event != Event::gone && session::next(from, event) == to) return {event};
  }
  // close() follows on a farewell.
  if (to == State::closed) {
    if (from == State::draining) return {Event::gone};
    return {Event::farewell, Event::gone};
  }
  if (from == State::accepted || from == State::deciding) {
    return to == State::dialogue ? std::vector{Event::clear, Event::linked} : std::vector<Event>{};
  }
  if (from == State::dialling && to == State::passthrough) return {Event::linked, Event::let_go};
  return {};
}

// The worker gives this one itself, before there is a session.
bool is_the_workers(EndReason reason) { return reason == EndReason::too_many_connections; }

}  // namespace

void Tally::passed(State from, State to) {
  auto state = from;
  for (const auto event : path(from, to)) {
    ++ways[index_of(state)][index_of(event)];
    state = session::next(state, event).value_or(state);
  }
}

std::string Tally::missing_ends() const {
  std::string missing;
  for (int i = 0; i <= static_cast<int>(EndReason::shutdown); ++i) {
    const auto reason = static_cast<EndReason>(i);
    if (is_the_workers(reason) || ends.contains(session::name_of(reason))) continue;
    missing += " " + std::string(session::name_of(reason));
  }
  return missing;
}

std::string Tally::text() const {
  auto text = fmt::format(
      "{} simulations, {} sessions, {} of them honest and sound, {} TLS sessions resumed\n", worlds,
      sessions, succeeded, resumed);
  if (most_memory > 0) text += fmt::format("most memory of a session: {} octets\n", most_memory);
  text += "\nsessions by plan:\n";
  for (const auto& [name, count] : plans) text += fmt::format("  {:<28}{:>9}\n", name, count);
  text += "\nend reasons:\n";
  for (const auto& [name, count] : ends) text += fmt::format("  {:<28}{:>9}\n", name, count);
  text += "  never reached:" + missing_ends() + "\n\nevents:\n";
  for (const auto& [name, count] : actions) text += fmt::format("  {:<28}{:>9}\n", name, count);
  text += "\nways between states:\n";
  for (const auto state : session::kStates) {
    for (const auto event : session::kEvents) {
      if (!session::next(state, event)) continue;
      const auto count = ways[index_of(state)][index_of(event)];
      // close() is never called without an end() before it.
      if (event == Event::gone && state != State::draining) continue;
      text += fmt::format("  {:<12}-{:<9} {:>9}{}\n", kStateNames[index_of(state)],
                          kEventNames[index_of(event)], count, count == 0 ? "  never" : "");
    }
  }
  return text;
}

}  // namespace postern::sim
