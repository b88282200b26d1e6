// The IMAP dialogue between any client and any backend. The input: two octets of conditions and
// verdicts, then actions: one octet that says who acts, one with the length, and the bytes. What
// must hold:
//   - cut into single octets each action gives the same streams and events as whole;
//   - a LoginTried is its call's last step; nothing follows BeginTls, PassThrough or End;
//   - nothing reaches the backend before its first line is whole;
//   - PassThrough follows a login's success alone, and that an allowed LoginTried;
//   - the client is read on until what it sent exceeds the bound;
//   - who is warned and let in is told; without service the client gets the words alone, at once;
//   - without literals and SASL, which carry anything, the backend gets whole clean lines, no
//     STARTTLS, and no more LOGINs than were allowed.
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/imap_dialogue.h"
#include "protocols/imap_gate.h"

using namespace postern::protocols;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

struct Action {
  enum class Kind { client, backend, client_ends, backend_ends } kind;
  std::string bytes;
};

struct Input {
  Conditions conditions;
  std::uint8_t verdicts = 0;  // one bit each, in turn: refused
  bool warns = false;         // the others are warned
  bool puts_off = false;      // refused for now
  bool has_service = true;
  std::vector<Action> actions;
};

Input read(std::string_view bytes) {
  Input input;
  const auto next = [&]() -> std::uint8_t {
    if (bytes.empty()) return 0;
    const auto octet = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    return octet;
  };
  const auto conditions = next();
  if (conditions & 1) input.conditions.transport = Transport::cleartext;
  if (conditions & 2) input.conditions.upgrade = Upgrade::offered;
  if (conditions & 4) input.conditions.cleartext_logins = CleartextLogins::not_offered;
  if (conditions & 8) input.conditions.greeting = BackendGreeting::swallow;
  input.warns = (conditions & 16) != 0;
  input.has_service = (conditions & 32) == 0;
  if (conditions & 64) input.conditions.judging = Judging::each_piece;
  input.puts_off = (conditions & 128) != 0;
  input.verdicts = next();
  while (!bytes.empty()) {
    const auto kind = static_cast<Action::Kind>(next() & 3);
    const std::string text(bytes.substr(0, next()));
    bytes.remove_prefix(text.size());
    input.actions.push_back({kind, text});
  }
  return input;
}

Options make_options() {
  Options options;
  options.line_length = 128;
  options.help_url = "https://help.example";
  return options;
}

const Options kOptions = make_options();

// One run, the session's part played as its contract says.
class Run {
 public:
  Run(const Input& input, bool in_octets)
      : dialogue_(kOptions, input.conditions),
        verdicts_(input.verdicts),
        verdict_(input.warns ? Verdict::warn : Verdict::allow),
        refusal_(input.puts_off ? Verdict::unavailable : Verdict::refuse),
        is_told_(input.warns && input.conditions.transport == Transport::cleartext),
        in_octets_(in_octets) {
    if (input.has_service) return;
    Steps steps;
    dialogue_.refuse_service(Farewell::old_tls_1_0, steps);
    take(steps);
    demand(ended_ && sent[0] == imap_farewell(Farewell::old_tls_1_0, kOptions));
  }

  void act(const Action& action) {
    switch (action.kind) {
      case Action::Kind::client:
        if (!ended_before_[0]) waiting_[0] += action.bytes;
        break;
      case Action::Kind::backend:
        if (!ended_before_[1]) waiting_[1] += action.bytes;
        greeted_ = greeted_ || waiting_[1].find('\n') != std::string::npos;
        break;
      case Action::Kind::client_ends:
        ends_[0] = !ended_before_[0];
        ended_before_[0] = true;
        break;
      case Action::Kind::backend_ends:
        ends_[1] = !ended_before_[1];
        ended_before_[1] = true;
        break;
    }
    deliver();
  }

  void finish() {
    if (tls_) rest = dialogue_.take_rest() + waiting_[0];
  }

  std::array<std::string, 2> sent;  // to client, to backend
  std::string to_backend_read;      // before passthrough
  std::string events;
  std::string rest;
  int allowed = 0;

 private:
  void deliver() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t side = 0; side < 2; ++side) moved |= deliver_from(side);
    }
  }

  bool deliver_from(std::size_t index) {
    const auto side = index == 0 ? Side::client : Side::backend;
    auto& bytes = waiting_[index];
    bool moved = false;
    // Fed without regard to wants(): what waits outside would come later than the other side's.
    while (!bytes.empty() && !tls_ && !ended_) {
      demand(passthrough_ || dialogue_.wants(side) ||
             (side == Side::client && fed_ > kOptions.line_length));
      if (side == Side::client) fed_ += in_octets_ ? 1 : bytes.size();
      const std::string piece(bytes.substr(0, in_octets_ ? 1 : bytes.size()));
      bytes.erase(0, piece.size());
      if (passthrough_) {
        if (side == Side::backend) dialogue_.passed(piece);
        sent[1 - index] += piece;
      } else {
        Steps steps;
        dialogue_.feed(side, piece, steps);
        take(steps);
      }
      moved = true;
    }
    if (bytes.empty() && ends_[index] && !over()) {
      ends_[index] = false;
      Steps steps;
      dialogue_.ended(side, Ending::closed, steps);
      take(steps);
      moved = true;
    }
    return moved;
  }

  bool over() const { return tls_ || ended_ || passthrough_; }

  void take(Steps& steps) {
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        demand(!over());
        take_step(steps[i]);
        if (!std::holds_alternative<LoginTried>(steps[i])) continue;
        demand(i + 1 == steps.size());
        const bool refused = (verdicts_ & 1) != 0;
        verdicts_ = static_cast<std::uint8_t>(verdicts_ >> 1 | (refused ? 0x80 : 0));
        if (!refused) ++allowed;
        steps.clear();
        dialogue_.decide(refused ? refusal_ : verdict_, steps);
        again = true;
        break;
      }
    }
  }

  void take_step(const Step& step) {
    if (const auto* send = std::get_if<Send>(&step)) {
      demand(!send->bytes.empty());
      if (send->to == Side::backend) {
        demand(greeted_);
        if (!succeeded_) to_backend_read += send->bytes;
      }
      sent[send->to == Side::client ? 0 : 1] += send->bytes;
      return;
    }
    events += std::to_string(step.index()) + " ";
    if (const auto* tried = std::get_if<LoginTried>(&step)) {
      demand(tried->login.user.size() <= 255);
      events += tried->login.mechanism + " " + tried->login.user + "\n";
    } else if (const auto* answered = std::get_if<LoginAnswered>(&step)) {
      demand(allowed > 0);
      succeeded_ = answered->outcome == Outcome::success;
      demand(!succeeded_ || !is_told_ || sent[0].find("https://help.example") != std::string::npos);
    } else if (std::holds_alternative<PassThrough>(step)) {
      demand(succeeded_);
      passthrough_ = true;
    } else if (std::holds_alternative<BeginTls>(step)) {
      tls_ = true;
    } else if (std::holds_alternative<End>(step)) {
      ended_ = true;
    }
  }

  ImapDialogue dialogue_;
  std::uint8_t verdicts_;
  Verdict verdict_;
  Verdict refusal_;
  bool is_told_;
  bool in_octets_;
  std::array<std::string, 2> waiting_;
  std::array<bool, 2> ends_{};  // to be told
  std::array<bool, 2> ended_before_{};
  std::size_t fed_ = 0;  // of the client
  bool greeted_ = false;
  bool succeeded_ = false;
  bool passthrough_ = false;
  bool tls_ = false;
  bool ended_ = false;
};

bool holds(std::string text, std::string_view word) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text.find(word) != std::string::npos;
}

// For clients that announce no literal and begin no SASL exchange.
void check_plain_commands(const std::string& to_backend, int allowed) {
  int logins = 0;
  std::size_t at = 0;
  while (at < to_backend.size()) {
    const auto end = to_backend.find("\r\n", at);
    demand(end != std::string::npos);
    const auto line = to_backend.substr(at, end - at);
    demand(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    const auto verb_at = line.find_first_not_of(' ', line.find(' '));
    demand(verb_at != std::string::npos);
    const auto verb = line.substr(verb_at, line.find(' ', verb_at) - verb_at);
    demand(!(verb.size() == 8 && holds(verb, "STARTTLS")));
    if (verb.size() == 5 && holds(verb, "LOGIN")) ++logins;
    at = end + 2;
  }
  demand(logins <= allowed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read({reinterpret_cast<const char*>(data), size});
  Run whole(input, false);
  Run octets(input, true);
  std::string client;
  for (const auto& action : input.actions) {
    whole.act(action);
    octets.act(action);
    if (action.kind == Action::Kind::client) client += action.bytes;
  }
  whole.finish();
  octets.finish();
  demand(whole.sent == octets.sent);
  demand(whole.events == octets.events);
  demand(whole.rest == octets.rest);
  if (client.find('{') == std::string::npos && !holds(client, "AUTHENTICATE")) {
    check_plain_commands(whole.to_backend_read, whole.allowed);
  }
  return 0;
}
