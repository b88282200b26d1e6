// The SMTP gate with any bytes of a client: any cutting gives the same steps, nothing goes to a
// backend, what is behind STARTTLS comes back byte for byte, and each reply is a whole one.
#include <cstdint>

#include "protocols/smtp_gate.h"
#include "test/fuzz/protocols/smtp_transcript.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

const Options& options() {
  static const Options made = [] {
    Options filled;
    filled.hostname = "gate.example";
    filled.line_length = 128;
    return filled;
  }();
  return made;
}

std::string play(std::string_view bytes, unsigned seed) {
  const auto whole = bytes;
  SmtpCuts cuts(seed);
  SmtpGate gate(options());
  SmtpTranscript transcript;
  Steps steps;
  gate.greet(steps);
  for (const auto& step : steps) transcript.add(step);
  while (!bytes.empty() && !transcript.ended()) {
    const std::string piece(bytes.substr(0, cuts.next(bytes.size())));
    bytes.remove_prefix(piece.size());
    steps.clear();
    gate.feed(piece, steps);
    for (const auto& step : steps) transcript.add(step);
  }
  demand(transcript.to_backend().empty(), "the gate has no backend");
  demand(transcript.to_client().ends_with("\r\n"), "a reply is a whole line");
  if (transcript.tls()) {
    const auto rest = gate.take_rest();
    demand(whole.ends_with(rest), "the rest is what came last");
    transcript.note("\nrest " + rest);
  }
  return transcript.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = play(bytes, 0);
  demand(play(bytes, 1) == whole, "single octets give the same steps");
  demand(play(bytes, 2 + static_cast<unsigned>(size)) == whole,
         "random pieces give the same steps");
  return 0;
}
