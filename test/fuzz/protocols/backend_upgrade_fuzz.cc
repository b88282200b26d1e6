// Any backend asked for STARTTLS. The first octet says the protocol, the second how long pieces are.
//
// Invariants: any cutting gives the same end, the same commands and greeting; nothing is asked for once
// it has ended; what is kept of the greeting is bounded, and one or more whole lines; no octet behind a
// go-ahead is taken.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/backend_upgrade.h"
#include "test/fuzz/demand.h"

using namespace postern::protocols;
using postern::test::demand;
using State = BackendUpgrade::State;

namespace {

struct Played {
  std::string commands;
  std::string greeting;
  State state{};
  UpgradeFailure failure{};

  bool operator==(const Played&) const = default;
};

Played play(Protocol protocol, std::string_view backend, std::size_t piece) {
  const auto upgrade = make_backend_upgrade(protocol, "h.example");
  Played played;
  while (!backend.empty()) {
    const auto before = upgrade->state();
    const auto said = played.commands.size();
    upgrade->feed(backend.substr(0, piece), played.commands);
    backend.remove_prefix(std::min(piece, backend.size()));
    const bool was_over = before == State::upgraded || before == State::failed;
    demand(!was_over || played.commands.size() == said, "nothing is asked for at the end");
    demand(before != State::upgraded || upgrade->failure() == UpgradeFailure::response_injection,
           "what stands behind the go-ahead is an attack");
    demand(before != State::failed || upgrade->state() == State::failed, "a failure stays one");
  }
  played.state = upgrade->state();
  played.failure = upgrade->failure();
  played.greeting = upgrade->greeting();
  return played;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr Protocol kProtocols[] = {Protocol::smtp, Protocol::imap, Protocol::pop3};
  const auto protocol = kProtocols[data[0] % 3];
  const std::string_view backend(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = play(protocol, backend, backend.size() + 1);
  demand(play(protocol, backend, 1) == whole, "byte by byte it is the same");
  demand(play(protocol, backend, data[1] + std::size_t{1}) == whole, "in pieces it is the same");
  demand((whole.state == State::failed) == (whole.failure != UpgradeFailure::none),
         "a failure has a reason");
  demand(whole.greeting.size() <=
             BackendUpgrade::kMostLine * static_cast<std::size_t>(BackendUpgrade::kMostLines),
         "a greeting is bounded");
  demand(whole.greeting.empty() || whole.greeting.ends_with('\n'), "a greeting has whole lines");
  demand(std::count(whole.commands.begin(), whole.commands.end(), '\n') <= 2,
         "two commands at most");
  return 0;
}
