// The POP3 dialogue between any client and any backend, with any verdicts (dialogue_player.h says what
// comes in).
//
// Invariants of all dialogues: any cutting gives the same steps; what is kept is bounded; it ends; the
// steps are legal; nothing goes to the backend before it has greeted, and no secret before its user has
// been judged, or ever where it was refused; no secret is in an event; nothing before STLS is acted on
// behind it. And an honest backend's eye sees no login that was not allowed, nothing behind USER, PASS,
// APOP or AUTH before the answer, no STLS or XCLIENT, no bare newline or NUL (backend_eye.h).
//
// Of POP3: before it lets go the client gets whole lines; without service the words alone.
#include <cstdint>

#include "protocols/pop3_replies.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/backend_eye.h"
#include "test/fuzz/protocols/dialogue_player.h"

using namespace postern::protocols;
using namespace postern::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input =
      read_dialogue_input(Protocol::pop3, {reinterpret_cast<const char*>(data), size});
  const auto eye = make_backend_eye(input);
  const auto transcript = play_all(input, eye.get());
  const auto& said = transcript.to_client();
  demand(transcript.passes() || said.empty() || said.ends_with('\n'), "an answer is whole lines");
  if (!input.has_service) {
    const auto words = pop3_farewell(Farewell::old_tls_1_0, input.options);
    const auto farewell = pop3_farewell(Farewell::shutting_down, input.options);
    demand(transcript.tries() == 0 && !transcript.tls(), "no service, but a login");
    demand(said.empty() || (transcript.ended() && (said == words || said == farewell)),
           "no service, but other words");
  }
  return 0;
}
