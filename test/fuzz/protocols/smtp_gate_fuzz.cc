// The SMTP gate with any client (gate_player.h says what comes in).
//
// Invariants: any cutting gives the same steps; nothing goes to a backend, and no login is let through;
// no secret is in an event or an answer; what is kept is bounded; it ends; behind STARTTLS all is TLS's,
// byte for byte. Each answer is a line of postern's own table or one of the lists made of it, in
// printable ASCII, and it takes no more refused commands than it says.
#include <cstdint>

#include "protocols/line_buffer.h"
#include "protocols/smtp_gate.h"
#include "protocols/smtp_line.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/gate_player.h"

using namespace postern::protocols;
using namespace postern::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read_gate_input(Protocol::smtp, {reinterpret_cast<const char*>(data), size});
  const auto transcript = play_gate(input);
  int refused = 0;
  std::string_view said = transcript.to_client();
  while (!said.empty()) {
    const auto end = said.find("\r\n");
    demand(end != std::string_view::npos, "a reply is whole lines");
    const auto line = said.substr(0, end + 2);
    said.remove_prefix(end + 2);
    demand(parse_smtp_reply(line).has_value(), "a reply that is none");
    demand(line.size() <= 512, "a reply's length");
    for (const char c : without_newline(line)) demand(c >= ' ' && c <= '~', "it is printable");
    if (line[0] == '5') ++refused;
  }
  demand(refused <= kMaxRefusedCommands + 1, "too many were refused");
  return 0;
}
