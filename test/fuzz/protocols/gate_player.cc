// See gate_player.h.
#include "test/fuzz/protocols/gate_player.h"

#include <algorithm>
#include <cctype>
#include <variant>

#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/marked_login.h"

namespace postern::test {

using namespace protocols;

namespace {

constexpr std::size_t kGateLineLength = 128;

class GatePlayer {
 public:
  GatePlayer(const GateInput& input, Cutting cutting) : input_(input), cutting_(cutting) {
    meter_.begin();
    gate_ = make_gate(input.protocol, input.options);
    meter_.end();
  }

  const Transcript& play() {
    call([&](Steps& out) { gate_->greet(out); });
    for (const auto& action : input_.script.actions) {
      if (transcript_.over()) break;
      if (action.kind == 'f') {
        call([&](Steps& out) { gate_->farewell(Farewell::idle_timeout, out); });
        demand(transcript_.ended(), "a farewell ends it");
      } else if (action.kind == 'C' || action.kind == 'c') {
        feed(action);
      }
    }
    if (transcript_.tls()) check_rest();
    demand(transcript_.steps() <= 4 * (fed_ + calls_) + 8, "it ends");
    transcript_.note("\nlast " + std::string(gate_->last_command()));
    return transcript_;
  }

 private:
  void feed(const ScriptAction& action) {
    for (std::size_t at = 0; at < action.bytes.size() && !transcript_.over();) {
      // On the heap, so that a view that outlives it is seen.
      const std::string piece =
          action.bytes.substr(at, next_piece(action, at, cutting_, input_.client.size()));
      at += piece.size();
      fed_ += piece.size();
      biggest_piece_ = std::max(biggest_piece_, piece.size());
      call([&](Steps& out) { gate_->feed(piece, out); });
    }
  }

  void call(const std::function<void(Steps&)>& give) {
    ++calls_;
    meter_.begin();
    auto steps = std::make_unique<Steps>();
    give(*steps);
    meter_.end();
    for (const auto& step : *steps) {
      demand(!std::holds_alternative<LoginTried>(step) &&
                 !std::holds_alternative<LoginAnswered>(step) &&
                 !std::holds_alternative<PassThrough>(step) && !std::holds_alternative<Shut>(step),
             "a gate has no backend");
      transcript_.add(step);
    }
    meter_.begin();
    steps.reset();
    meter_.end();
    demand(transcript_.to_backend().empty(), "something to a backend from a gate");
    const auto& said = transcript_.to_client();
    demand(said.empty() || said.ends_with("\r\n"), "an answer is whole lines");
    demand(!holds_secret(said), "the secret goes back to where it came from");
    const auto last = gate_->last_command();
    demand(last.size() <= 32 && !holds_secret(last), "the last command is a verb");
    constexpr std::size_t kSlack = 1'024;
    demand(meter_.sum() <=
               static_cast<std::ptrdiff_t>(4 * (kGateLineLength + biggest_piece_) + kSlack),
           "what is kept is bounded");
  }

  void check_rest() {
    const auto kept = gate_->take_rest();
    demand(kept.size() <= fed_, "the rest is what came");
    const auto begin = fed_ - kept.size();
    demand(std::string_view(input_.client).substr(begin, kept.size()) == kept,
           "the rest is what came behind STARTTLS");
    auto line = std::string_view(input_.client).substr(0, begin);
    demand(line.ends_with("\r\n"), "STARTTLS ends in CRLF");
    line.remove_suffix(2);
    line.remove_prefix(std::min(line.rfind('\n') + 1, line.size()));
    std::string upper(line);
    for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    demand(upper.find(input_.protocol == Protocol::pop3 ? "STLS" : "STARTTLS") != std::string::npos,
           "TLS begins behind STARTTLS");
    transcript_.note("\nrest at " + std::to_string(begin));
  }

  const GateInput& input_;
  const Cutting cutting_;
  HeapMeter meter_;
  std::unique_ptr<Gate> gate_;
  Transcript transcript_;
  std::size_t fed_ = 0;
  std::size_t biggest_piece_ = 0;
  std::size_t calls_ = 0;
};

}  // namespace

GateInput read_gate_input(Protocol protocol, std::string_view text) {
  GateInput input;
  input.protocol = protocol;
  input.options.hostname = "gate.example";
  input.options.line_length = kGateLineLength;
  input.script = read_script(text);
  bool harmless = true;
  std::string own;
  for (auto& action : input.script.actions) {
    if (action.kind == 'L') {
      const auto digit = action.bytes.empty() ? '0' : action.bytes[0];
      const auto account = harmless ? Account::marked : Account::other;
      action.kind = 'c';
      action.bytes = login_attempt(protocol, account, static_cast<unsigned char>(digit) - '0');
      input.client += action.bytes;
      harmless = false;
    } else if (action.kind == 'C' || action.kind == 'c') {
      harmless = harmless && is_harmless_command(action.bytes);
      input.client += action.bytes;
      own += action.bytes;
    }
  }
  if (!holds_secret(own)) return input;
  input.script.actions.clear();
  input.client.clear();
  return input;
}

Transcript play_gate(const GateInput& input) {
  const auto whole = GatePlayer(input, Cutting::none).play();
  const auto fine = GatePlayer(input, Cutting::fine).play();
  demand(fine.text() == whole.text(), "small pieces give the same steps");
  const auto marked = GatePlayer(input, Cutting::marked).play();
  demand(marked.text() == whole.text(), "marked cuts give the same steps");
  return whole;
}

}  // namespace postern::test
