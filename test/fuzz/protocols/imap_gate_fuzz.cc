// The IMAP gate with any client (gate_player.h says what comes in).
//
// Invariants: any cutting gives the same steps; nothing goes to a backend, and no login is let through;
// no secret is in an event or an answer; what is kept is bounded; it ends; behind STARTTLS all is TLS's,
// byte for byte. What is sent consists of whole lines of printable ASCII.
#include <cstdint>

#include "protocols/imap_gate.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/gate_player.h"

using namespace postern::protocols;
using namespace postern::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read_gate_input(Protocol::imap, {reinterpret_cast<const char*>(data), size});
  const auto transcript = play_gate(input);
  const auto& sent = transcript.to_client();
  int refused = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const char c = sent[i];
    demand((c >= ' ' && c <= '~') || (c == '\r' && sent[i + 1] == '\n') ||
               (c == '\n' && sent[i - 1] == '\r'),
           "an answer is printable");
    if (c == '\n') ++refused;
  }
  demand(refused <= 3 * static_cast<int>(input.client.size()) + 8, "too many answers");
  return 0;
}
