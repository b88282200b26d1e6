// Fuzzes Pop3Dialogue with a list of actions. Input: an octet of conditions, verdict (or no service at
// all) and line length, then actions: 'C' or 'B', a length octet, that many bytes from client or backend; 'c' or
// 'b': that side ends; 'u': the backend cannot be reached; 'f': farewell. Other octets mean
// nothing. What must hold, whatever comes:
// - whole, byte by byte and in sevens give the same bytes to each side and the same events;
// - nothing follows BeginTls, PassThrough or End; a LoginTried is the last step of its call;
// - before passthrough the client gets whole lines, and the backend whole lines without a bare CR,
//   a bare LF or a NUL;
// - where every login is refused, none is answered, nothing becomes passthrough, and no line that
//   reaches the backend is a USER, PASS or APOP, or an AUTH with a mechanism;
// - who is warned and let in is told; without service no login is tried, the backend gets nothing,
//   and the client the words alone;
// - without AUTH in the input, no line that reaches the backend is STLS or XCLIENT;
// - names are bounded, and the order of commands is told once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/pop3_command.h"
#include "protocols/pop3_dialogue.h"

using namespace postern::protocols;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::size_t kShortLine = 256;

Options with_line_length(std::size_t length) {
  Options made;
  made.line_length = length;
  made.help_url = "https://help.example";
  return made;
}

// With short lines a client may send more than is wanted for now; how much of it comes before the
// next reply then depends on the cutting, so these runs are not compared.
const Options& options(bool short_lines) {
  static const Options kShort = with_line_length(kShortLine);
  static const Options kLong = with_line_length(std::size_t{1} << 24);
  return short_lines ? kShort : kLong;
}

struct Action {
  char kind;
  std::string_view bytes;
};

struct Input {
  Conditions conditions;
  Verdict verdict = Verdict::allow;
  bool has_auth = false;
  bool short_lines = false;
  bool has_service = true;
  std::vector<Action> actions;
};

Input parse(std::string_view bytes) {
  Input input;
  const auto take = [&] {
    const auto octet = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    return octet;
  };
  if (bytes.empty()) return input;
  const unsigned bits = take();
  input.conditions.transport = (bits & 1) != 0 ? Transport::cleartext : Transport::tls;
  input.conditions.upgrade = (bits & 2) != 0 ? Upgrade::offered : Upgrade::not_offered;
  input.conditions.cleartext_logins =
      (bits & 4) != 0 ? CleartextLogins::not_offered : CleartextLogins::offered;
  input.conditions.greeting = (bits & 8) != 0 ? BackendGreeting::swallow : BackendGreeting::pass;
  input.verdict = (bits & 16) != 0 ? Verdict::refuse : Verdict::allow;
  if ((bits & 80) == 64) input.verdict = Verdict::warn;
  if ((bits & 80) == 80) input.verdict = Verdict::unavailable;
  if ((bits & 3) == 2) input.conditions.judging = Judging::each_piece;  // nothing upgrades there
  input.short_lines = (bits & 32) != 0;
  input.has_service = (bits & 128) == 0;
  std::string client;
  while (!bytes.empty()) {
    const char kind = static_cast<char>(take());
    if (kind != 'C' && kind != 'B') {
      input.actions.push_back({kind, {}});
      continue;
    }
    if (bytes.empty()) break;
    const std::size_t length = take();
    input.actions.push_back({kind, bytes.substr(0, length)});
    if (kind == 'C') client += input.actions.back().bytes;
    bytes.remove_prefix(input.actions.back().bytes.size());
  }
  for (auto& c : client) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  input.has_auth = client.find("AUTH") != std::string::npos;
  return input;
}

// One run, the session's part played as the contract says.
class Run {
 public:
  Run(const Input& input, std::size_t piece)
      : input_(input), piece_(piece), dialogue_(options(input.short_lines), input.conditions) {}

  // What went to the client, what to the backend, and the events.
  std::vector<std::string> play() {
    if (!input_.has_service) {
      gone_[1] = greeted_ = true;
      call([&](Steps& out) { dialogue_.refuse_service(Farewell::old_tls_1_1, out); });
    }
    for (const auto& action : input_.actions) {
      if (over_) break;
      act(action);
      deliver();
    }
    if (!input_.has_service) check_no_service();
    if (tls_) waiting_[0] = dialogue_.take_rest() + waiting_[0];
    if (tls_) events_ += "tls " + waiting_[0];
    if (passes_) {
      sent_[0] += waiting_[1];
      sent_[1] += waiting_[0];
    } else {
      check_lines();
    }
    return {sent_[0], sent_[1], events_};
  }

 private:
  void act(const Action& action) {
    switch (action.kind) {
      case 'C':
        if (!gone_[0]) waiting_[0] += action.bytes;
        break;
      case 'B':
        if (!gone_[1]) waiting_[1] += action.bytes;
        break;
      case 'c':
      case 'b':
      case 'u':
        end_of(action.kind);
        break;
      case 'f':
        if (!greeted_) break;
        call([&](Steps& out) { dialogue_.farewell(Farewell::shutting_down, out); });
        break;
      default:
        break;
    }
  }

  // A side ends once all its bytes are delivered; what is not wanted by then is given up.
  void end_of(char kind) {
    deliver();
    const std::size_t side = kind == 'c' ? 0 : 1;
    if (over_ || gone_[side] || !waiting_[side].empty()) return;
    gone_[side] = true;
    const auto how = kind == 'u' && !greeted_ ? Ending::unreachable : Ending::closed;
    call([&](Steps& out) { dialogue_.ended(side == 0 ? Side::client : Side::backend, how, out); });
  }

  // What is wanted, the client's bytes first: those that were not wanted earlier go before the
  // backend's next piece.
  void deliver() {
    while (!over_) {
      const std::size_t index = deliverable(0) ? 0 : 1;
      if (!deliverable(index)) return;
      const std::string fed = waiting_[index].substr(0, piece_);
      waiting_[index].erase(0, fed.size());
      if (index == 1) greeted_ = true;
      const auto side = index == 0 ? Side::client : Side::backend;
      call([&](Steps& out) { dialogue_.feed(side, fed, out); });
    }
  }

  bool deliverable(std::size_t index) const {
    return !waiting_[index].empty() && dialogue_.wants(index == 0 ? Side::client : Side::backend);
  }

  template <typename Call>
  void call(const Call& first) {
    Steps steps;
    first(steps);
    while (take(steps)) {
      steps.clear();
      dialogue_.decide(input_.verdict, steps);
    }
    require(dialogue_.last_command().size() <= 7);
  }

  // Whether a login waits for its verdict.
  bool take(const Steps& steps) {
    bool held = false;
    for (const auto& step : steps) {
      require(!over_ && !held);
      if (const auto* sent = std::get_if<Send>(&step)) {
        sent_[static_cast<std::size_t>(sent->to)] += sent->bytes;
      } else if (const auto* tried = std::get_if<LoginTried>(&step)) {
        held = true;
        event("tried", tried->login);
      } else if (const auto* answered = std::get_if<LoginAnswered>(&step)) {
        require(!refuses());
        const bool success = answered->outcome == Outcome::success;
        if (success && input_.verdict == Verdict::warn &&
            input_.conditions.transport == Transport::cleartext) {
          require(sent_[0].ends_with("https://help.example\r\n"));
        }
        event(success ? "success" : "failure", answered->login);
      } else if (const auto* end = std::get_if<End>(&step)) {
        events_ += "end " + std::to_string(static_cast<int>(end->cause)) + "\n";
        over_ = true;
      } else if (std::holds_alternative<BeginTls>(step)) {
        require(input_.conditions.transport == Transport::cleartext &&
                input_.conditions.upgrade == Upgrade::offered);
        over_ = tls_ = true;
      } else if (std::holds_alternative<PassThrough>(step)) {
        require(!refuses());
        over_ = passes_ = true;
      } else if (const auto* alarm = std::get_if<Alarm>(&step)) {
        events_ += "alarm " + alarm->detail + "\n";
      } else if (const auto* named = std::get_if<ClientNamed>(&step)) {
        require(!std::exchange(named_, true));
        require(named->by == NamedBy::commands && named->name.size() <= 64);
        events_ += "named " + named->name + "\n";
      } else {
        require(std::holds_alternative<Shut>(step));
        events_ += "shut\n";
      }
    }
    return held;
  }

  bool refuses() const {
    return input_.verdict == Verdict::refuse || input_.verdict == Verdict::unavailable;
  }

  void event(std::string_view what, const Login& login) {
    require(login.user.size() <= 255 && login.authorization.size() <= 255);
    require(!login.mechanism.empty() && login.mechanism.size() <= 32);
    events_.append(what).append(" ").append(login.mechanism).append(" ");
    events_.append(login.user).append(" ").append(login.authorization).append("\n");
  }

  void check_no_service() const {
    require(sent_[1].empty() && !named_ && !passes_ && !tls_);
    const auto words = pop3_farewell(Farewell::old_tls_1_1, options(input_.short_lines));
    require(sent_[0].empty() || sent_[0] == words);
    require(over_ || sent_[0].empty());
  }

  void check_lines() const {
    require(sent_[0].empty() || sent_[0].ends_with('\n'));
    std::string_view backend = sent_[1];
    while (!backend.empty()) {
      const auto end = backend.find('\n');
      require(end != std::string_view::npos);
      const auto line = backend.substr(0, end + 1);
      backend.remove_prefix(end + 1);
      require(is_clean_line(line) && (!input_.short_lines || line.size() <= kShortLine));
      const auto command = parse_pop3_command(line);
      if (refuses()) {
        require(command.verb != Pop3Verb::user && command.verb != Pop3Verb::pass &&
                command.verb != Pop3Verb::apop);
        require(command.verb != Pop3Verb::auth || command.argument.empty());
      }
      if (!input_.has_auth) {
        require(command.verb != Pop3Verb::stls && command.verb != Pop3Verb::xclient);
      }
    }
  }

  const Input& input_;
  std::size_t piece_;
  Pop3Dialogue dialogue_;
  std::string waiting_[2];
  bool gone_[2] = {false, false};
  std::string sent_[2];
  std::string events_;
  bool greeted_ = false;
  bool named_ = false;
  bool over_ = false;
  bool tls_ = false;
  bool passes_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = parse({reinterpret_cast<const char*>(data), size});
  const auto whole = Run(input, std::string::npos).play();
  const auto by_ones = Run(input, 1).play();
  const auto by_sevens = Run(input, 7).play();
  require(input.short_lines || (by_ones == whole && by_sevens == whole));
  return 0;
}
