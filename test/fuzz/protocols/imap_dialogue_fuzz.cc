// The IMAP dialogue between any client and any backend, with any verdicts (dialogue_player.h says what
// comes in).
//
// Invariants of all dialogues: any cutting gives the same steps; what is kept is bounded; it ends; the
// steps are legal; nothing goes to the backend before it has greeted, and no secret before its user has
// been judged, or ever where it was refused; no secret is in an event; nothing before STARTTLS is acted
// on behind it. And an honest backend's eye sees no login that was not allowed, nothing behind a
// literal's announcement, a LOGIN or a SASL response before the answer, no literal that does not wait, no
// STARTTLS, no bare newline or NUL outside literals (backend_eye.h).
//
// Of IMAP: it lets go behind a login's success alone, and then passes all on unread; no PREAUTH reaches
// the client; without service the client gets the words alone, at once.
#include <cctype>
#include <cstdint>

#include "protocols/imap_gate.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/backend_eye.h"
#include "test/fuzz/protocols/dialogue_player.h"

using namespace postern::protocols;
using namespace postern::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input =
      read_dialogue_input(Protocol::imap, {reinterpret_cast<const char*>(data), size});
  const auto eye = make_backend_eye(input);
  const auto transcript = play_all(input, eye.get());
  demand(!transcript.to_client().starts_with("* PREAUTH"), "a PREAUTH greeting got through");
  if (!input.has_service) {
    demand(transcript.ended(), "no service, but a session");
    demand(transcript.to_client() == imap_farewell(Farewell::old_tls_1_0, input.options),
           "no service, but other words");
  }
  return 0;
}
