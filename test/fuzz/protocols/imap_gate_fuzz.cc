// The IMAP gate, fed with anything. What must hold:
//   - cut into single octets the input gives the same steps as whole;
//   - nothing follows BeginTls or End, and there is at most one of them;
//   - what is sent consists of whole lines of printable ASCII, but for a tag;
//   - after BeginTls the rest is the end of the input, directly behind a line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocols/imap_gate.h"

using namespace postern::protocols;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

struct Outcome {
  std::string sent;
  std::string events;
  std::string rest;
  bool tls = false;

  bool operator==(const Outcome&) const = default;
};

Options make_options() {
  Options options;
  options.hostname = "mail.example.com";
  options.line_length = 128;
  return options;
}

Outcome play(std::string_view input, std::size_t piece) {
  static const Options kOptions = make_options();
  ImapGate gate(kOptions);
  Outcome outcome;
  bool over = false;
  Steps steps;
  gate.greet(steps);
  while (true) {
    for (const auto& step : steps) {
      demand(!over);
      if (const auto* send = std::get_if<Send>(&step)) {
        demand(send->to == Side::client);
        outcome.sent += send->bytes;
        continue;
      }
      outcome.events += std::to_string(step.index()) + "@" + std::to_string(outcome.sent.size());
      if (const auto* refused = std::get_if<LoginRefused>(&step)) {
        demand(refused->login.user.size() <= 255);
        outcome.events += refused->login.mechanism + refused->login.user;
      }
      outcome.tls = std::holds_alternative<BeginTls>(step);
      over = outcome.tls || std::holds_alternative<End>(step);
    }
    if (over || input.empty()) break;
    const std::string bytes(input.substr(0, piece));  // on the heap, so that a stale view is seen
    input.remove_prefix(bytes.size());
    steps.clear();
    gate.feed(bytes, steps);
  }
  if (outcome.tls) outcome.rest = gate.take_rest() + std::string(input);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = play(input, size + 1);
  demand(whole == play(input, 1));
  demand(whole.sent.ends_with("\r\n"));
  for (std::size_t i = 0; i < whole.sent.size(); ++i) {
    const char c = whole.sent[i];
    demand((c >= ' ' && c <= '~') || (c == '\r' && whole.sent[i + 1] == '\n') ||
           (c == '\n' && whole.sent[i - 1] == '\r'));
  }
  if (whole.tls) {
    demand(input.ends_with(whole.rest));
    demand(input.substr(0, size - whole.rest.size()).ends_with("\r\n"));
  }
  return 0;
}
