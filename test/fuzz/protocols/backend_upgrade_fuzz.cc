// Any backend asked for STARTTLS. The first octet says the protocol, the second how long pieces are.
//
// Invariants: where the backend waits for what it is asked, any cutting gives the same end, the same
// commands and greeting; where it does not, no reply is taken that came before its command; nothing is
// asked for once it has ended; what is kept of the greeting is bounded, and one or more whole lines; no
// octet behind a go-ahead is taken.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

// Where in the backend's bytes a command was asked for.
using Places = std::vector<std::size_t>;

// In pieces, and cut besides at these places.
Played play(Protocol protocol, std::string_view backend, std::size_t piece, const Places& cuts,
            Places* asked = nullptr) {
  const auto upgrade = make_backend_upgrade(protocol, "h.example");
  Played played;
  auto next = cuts.begin();
  for (std::size_t at = 0; at < backend.size();) {
    auto size = std::min(piece, backend.size() - at);
    if (next != cuts.end() && *next <= at + size) size = *next++ - at;
    const auto before = upgrade->state();
    const auto said = played.commands.size();
    upgrade->feed(backend.substr(at, size), played.commands);
    at += size;
    if (asked != nullptr && played.commands.size() > said) asked->push_back(at);
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
  Places asked;
  const auto whole = play(protocol, backend, 1, {}, &asked);
  demand(play(protocol, backend, backend.size() + 1, asked) == whole, "as few pieces as can be");
  demand(play(protocol, backend, data[1] + std::size_t{1}, asked) == whole, "in other pieces");
  const auto at_once = play(protocol, backend, backend.size() + 1, {});
  const bool is_early = !asked.empty() && asked.front() < backend.size();
  demand(is_early || at_once == whole, "what comes at once is the same if it answers nothing");
  demand(at_once.state != State::upgraded, "no go-ahead comes with the greeting");
  if (is_early && protocol != Protocol::imap) {
    demand(at_once.commands.size() < 30, "nothing more is asked for");
    demand(at_once.state == State::failed || backend.find('\n', asked.front()) == backend.npos,
           "a reply that came early is not taken");
  }
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
