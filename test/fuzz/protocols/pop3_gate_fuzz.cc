// The POP3 gate with any client (gate_player.h says what comes in).
//
// Invariants: any cutting gives the same steps; nothing goes to a backend, and no login is let through;
// no secret is in an event or an answer; what is kept is bounded; it ends; behind STLS all is TLS's, byte
// for byte. Each answer is a status line in printable ASCII, or stands in a list, and it takes no more
// refused commands than it says.
#include <cstdint>

#include "protocols/pop3_command.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/gate_player.h"

using namespace postern::protocols;
using namespace postern::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read_gate_input(Protocol::pop3, {reinterpret_cast<const char*>(data), size});
  const auto transcript = play_gate(input);
  int refused = 0;
  std::string_view said = transcript.to_client();
  demand(said.starts_with("+OK"), "it greets first");
  while (!said.empty()) {
    const auto line = said.substr(0, said.find('\n') + 1);
    said.remove_prefix(line.size());
    demand(line.ends_with("\r\n"), "an answer is whole lines");
    for (const char c : without_newline(line)) demand(c >= ' ' && c <= '~', "it is printable");
    if (line.starts_with("-ERR ")) ++refused;
  }
  demand(refused <= kPop3MostRefusals + 1, "too many were refused");
  return 0;
}
