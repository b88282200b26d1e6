// See dialogue_player.h.
#include "test/fuzz/protocols/dialogue_player.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/marked_login.h"

namespace postern::test {

using namespace protocols;

namespace {

std::size_t index_of(Side side) { return static_cast<std::size_t>(side); }

void read_conditions(const Script& script, DialogueInput& input) {
  auto& conditions = input.conditions;
  if (!script.has('t')) conditions.transport = Transport::cleartext;
  if (script.has('o')) conditions.upgrade = Upgrade::offered;
  if (script.has('h')) conditions.cleartext_logins = CleartextLogins::not_offered;
  if (script.has('g')) conditions.greeting = BackendGreeting::swallow;
  if (script.has('p')) conditions.bare_newlines = BareNewlines::pass;
  if (script.has('e')) conditions.judging = Judging::each_piece;
  input.has_service = !script.has('n');
}

// Puts the logins of the L's into the script. The first one is marked, where a command is expected
// from the client.
void expand_logins(DialogueInput& input) {
  bool harmless = true;
  std::string own;  // the client's other bytes, where the secret must not come from
  for (auto& action : input.script.actions) {
    if (action.kind == 'L') {
      const auto digit = action.bytes.empty() ? '0' : action.bytes[0];
      if (harmless) input.marked_at = input.client.size();
      const auto account = harmless ? Account::marked : Account::other;
      action.kind = 'c';
      action.bytes =
          login_attempt(input.protocol, account, static_cast<unsigned char>(digit) - '0');
      harmless = false;
      input.client += action.bytes;
    } else if (action.kind == 'C' || action.kind == 'c') {
      harmless = harmless && is_harmless_command(action.bytes);
      input.client += action.bytes;
      own += action.bytes;
    } else if (action.kind == 'B' || action.kind == 'b') {
      input.backend += action.bytes;
    }
  }
  if (!holds_secret(own) && !holds_secret(input.backend)) return;
  input.script.actions.clear();
  input.client.clear();
  input.backend.clear();
}

}  // namespace

DialogueInput read_dialogue_input(Protocol protocol, std::string_view text) {
  DialogueInput input;
  input.protocol = protocol;
  input.options.line_length = kLineLength;
  input.options.help_url = kHelpUrl;
  input.options.hidden_verbs = {"VRFY", "X-EXPS", "XCLIENT", "XEXCH50"};
  input.script = read_script(text);
  read_conditions(input.script, input);
  expand_logins(input);
  bool refuses_now = false;
  input.refuses_all = true;
  for (const auto& action : input.script.actions) {
    refuses_now = action.kind == 'r' || action.kind == 'l' ||
                  (refuses_now && action.kind != 'a' && action.kind != 'w');
    input.refuses = input.refuses || refuses_now;
    input.warns = input.warns || action.kind == 'w';
    input.backend_ends |= std::string_view("XUT").find(action.kind) != std::string_view::npos;
    const bool tells = std::string_view("CcBb").find(action.kind) != std::string_view::npos;
    input.refuses_all = input.refuses_all && (refuses_now || !tells);
  }
  return input;
}

DialoguePlayer::DialoguePlayer(const DialogueInput& input, Cutting cutting, Manner manner,
                               Onlooker* onlooker)
    : input_(input), cutting_(cutting), manner_(manner), onlooker_(onlooker) {
  meter_.begin();
  dialogue_ = make_dialogue(input.protocol, input.options, input.conditions);
  meter_.end();
}

DialoguePlayer::~DialoguePlayer() = default;

const Transcript& DialoguePlayer::play() {
  if (!input_.has_service) {
    gone_[1] = true;
    call([&](Steps& out) { dialogue_->refuse_service(Farewell::old_tls_1_0, out); });
  }
  for (const auto& action : input_.script.actions) {
    if (transcript_.tls() || transcript_.ended()) break;
    act(action);
  }
  if (transcript_.tls()) check_rest();
  // Each line that comes, each reply and each verdict gives a few steps at most.
  demand(transcript_.steps() <= 6 * (fed_[0] + fed_[1] + calls_ + verdicts_) + 8, "it ends");
  transcript_.note("\nlast " + std::string(dialogue_->last_command()));
  if (transcript_.passes()) transcript_.note(passage().backend_may_close() ? "" : "\nnot to close");
  return transcript_;
}

void DialoguePlayer::act(const ScriptAction& action) {
  switch (action.kind) {
    case 'C':
    case 'c':
      return feed(Side::client, action);
    case 'B':
    case 'b':
      return feed(Side::backend, action);
    case 'a':
      verdict_ = Verdict::allow;
      return;
    case 'w':
      verdict_ = Verdict::warn;
      return;
    case 'r':
      verdict_ = Verdict::refuse;
      return;
    case 'l':
      verdict_ = Verdict::unavailable;
      return;
    case 'x':
      return end(Side::client, Ending::closed);
    case 'X':
      return end(Side::backend, Ending::closed);
    case 'U':
      return greeted_ ? void() : end(Side::backend, Ending::unreachable);
    case 'T':
      return greeted_ ? void() : end(Side::backend, Ending::timed_out);
    case 'f':
      return say_farewell();
    default:
      return;
  }
}

void DialoguePlayer::feed(Side side, const ScriptAction& action) {
  if (gone_[index_of(side)]) return;
  std::size_t at = 0;
  while (at < action.bytes.size()) {
    const auto size =
        next_piece(action, at, cutting_, input_.client.size() + input_.backend.size());
    if (manner_ == Manner::rude && !(transcript_.tls() || transcript_.ended())) {
      feed_piece(side, std::string_view(action.bytes).substr(at, size));
    } else {
      waiting_[index_of(side)] += action.bytes.substr(at, size);
      deliver();
    }
    at += size;
  }
}

// What is wanted; the client's bytes first, as a dialogue takes them.
void DialoguePlayer::deliver() {
  const auto deliverable = [&](Side side) {
    return !waiting_[index_of(side)].empty() && (transcript_.passes() || dialogue_->wants(side));
  };
  while (!transcript_.tls() && !transcript_.ended()) {
    const auto side = deliverable(Side::client) ? Side::client : Side::backend;
    if (!deliverable(side)) return;
    auto& waiting = waiting_[index_of(side)];
    constexpr std::size_t kMost = 4'096;
    const std::string piece = waiting.substr(0, cutting_ == Cutting::fine ? 7 : kMost);
    waiting.erase(0, piece.size());
    feed_piece(side, piece);
  }
}

void DialoguePlayer::feed_piece(Side side, std::string_view bytes) {
  const std::string piece(bytes);  // on the heap, so that a view that outlives it is seen
  fed_[index_of(side)] += piece.size();
  biggest_piece_ = std::max(biggest_piece_, piece.size());
  if (side == Side::backend) greeted_ = greeted_ || piece.find('\n') != std::string::npos;
  if (onlooker_ != nullptr) onlooker_->fed(side, piece);
  if (transcript_.passes()) {
    meter_.begin();
    if (side == Side::backend) passage().passed(piece);
    meter_.end();
    transcript_.add_passed(other(side), piece);
  } else {
    call([&](Steps& out) { dialogue_->feed(side, piece, out); });
  }
}

void DialoguePlayer::end(Side side, Ending how) {
  if (std::exchange(gone_[index_of(side)], true)) return;
  if (transcript_.passes() || !waiting_[index_of(side)].empty()) return;
  call([&](Steps& out) { dialogue_->ended(side, how, out); });
}

protocols::Passage& DialoguePlayer::passage() {
  if (passage_ == nullptr) passage_ = dialogue_->let_go();
  return *passage_;
}

void DialoguePlayer::say_farewell() {
  if (!transcript_.passes()) {
    return call([&](Steps& out) { dialogue_->farewell(Farewell::shutting_down, out); });
  }
  Steps steps;
  passage().farewell(Farewell::shutting_down, steps);
  for (const auto& step : steps) transcript_.add_end_of_passthrough(step);
}

void DialoguePlayer::call(const std::function<void(Steps&)>& give) {
  if (transcript_.over()) return;
  ++calls_;
  meter_.begin();
  auto steps = std::make_unique<Steps>();
  give(*steps);
  meter_.end();
  for (bool again = true; again;) {
    again = false;
    for (std::size_t i = 0; i < steps->size(); ++i) {
      take((*steps)[i]);
      if (!std::holds_alternative<LoginTried>((*steps)[i])) continue;
      demand(i + 1 == steps->size(), "a held login is the last step");
      demand(!dialogue_->wants(Side::client) || input_.protocol == Protocol::imap,
             "nothing is wanted while a login is judged");
      judged_ = verdict_;
      judged_user_ = tried_user_;
      ++verdicts_;
      if (onlooker_ != nullptr) onlooker_->judged(verdict_);
      meter_.begin();
      steps->clear();
      dialogue_->decide(verdict_, *steps);
      meter_.end();
      again = true;
      break;
    }
  }
  meter_.begin();
  steps.reset();
  meter_.end();
  check_after_call();
}

void DialoguePlayer::take(const Step& step) {
  transcript_.add(step);
  if (onlooker_ != nullptr) onlooker_->took(step);
  if (const auto* tried = std::get_if<LoginTried>(&step)) tried_user_ = tried->login.user;
  if (const auto* answered = std::get_if<LoginAnswered>(&step)) {
    demand(!input_.refuses_all, "a login that was refused is answered");
    const bool is_told = judged_ == Verdict::warn &&
                         input_.conditions.transport == Transport::cleartext &&
                         answered->outcome == Outcome::success;
    demand(!is_told || transcript_.to_client().find(kHelpUrl) != std::string::npos,
           "nobody was warned");
  }
  const auto* sent = std::get_if<Send>(&step);
  if (sent == nullptr || sent->to == Side::client) return;
  demand(greeted_ && input_.has_service, "something to a backend that has not greeted");
  // A line is sent at once, but for a literal, which no secret of a marked login is cut by.
  if (input_.marked_at == std::string::npos || !holds_secret(sent->bytes)) return;
  if (transcript_.logged_in()) return;
  demand(verdicts_ > 0 && judged_ != Verdict::refuse && judged_ != Verdict::unavailable,
         "a secret that was refused");
  // POP3's PASS behind a USER that the backend refused is judged as nobody's.
  demand(judged_user_ == kMarkedUser || judged_user_.empty(),
         "a secret before its user was judged");
}

void DialoguePlayer::check_after_call() {
  const auto last = dialogue_->last_command();
  demand(last.size() <= 32 && !holds_secret(last), "the last command is a verb");
  if (transcript_.over()) {
    demand(transcript_.passes() ||
               (!dialogue_->wants(Side::backend) || input_.protocol == Protocol::imap),
           "nothing is wanted at the end");
  }
  if (manner_ == Manner::rude) return;
  // A growing string holds up to twice what it needs, and thrice while it moves. The rest is for
  // lists of commands without an answer, which have bounds of their own.
  constexpr std::size_t kLists = 40 * 1024;
  constexpr std::size_t kOfBackend = 4 * 64 * 1024;
  const auto bound =
      3 * (kLineLength + biggest_piece_) + std::min(3 * fed_[1], kOfBackend) + kLists;
  demand(meter_.sum() <= static_cast<std::ptrdiff_t>(bound), "what is kept is bounded");
}

// What was behind the STARTTLS line, fed or not, is TLS's, byte for byte.
void DialoguePlayer::check_rest() {
  const auto kept = dialogue_->take_rest();
  const auto begin = fed_[0] - std::min(fed_[0], kept.size());
  demand(std::string_view(input_.client).substr(begin, kept.size()) == kept,
         "the rest is what came behind STARTTLS");
  auto line = std::string_view(input_.client).substr(0, begin);
  demand(line.ends_with("\r\n"), "STARTTLS ends in CRLF");
  line.remove_suffix(2);
  const auto newline = line.rfind('\n');
  std::string upper(newline == std::string_view::npos ? line : line.substr(newline + 1));
  for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  demand(upper.find(input_.protocol == Protocol::pop3 ? "STLS" : "STARTTLS") != std::string::npos,
         "TLS begins behind STARTTLS");
  demand(input_.conditions.transport == Transport::cleartext &&
             input_.conditions.upgrade == Upgrade::offered,
         "TLS begins where it is offered");
  transcript_.note("\nrest at " + std::to_string(begin));
}

Transcript play_all(const DialogueInput& input, Onlooker* onlooker) {
  const auto whole = DialoguePlayer(input, Cutting::none, Manner::rude, nullptr).play();
  const bool is_short = input.client.size() + input.backend.size() <= kShortScript;
  const auto fine =
      DialoguePlayer(input, Cutting::fine, Manner::rude, is_short ? onlooker : nullptr).play();
  demand(fine.text() == whole.text(), "small pieces give the same steps");
  const auto marked = DialoguePlayer(input, Cutting::marked, Manner::rude, nullptr).play();
  demand(marked.text() == whole.text(), "marked cuts give the same steps");
  DialoguePlayer(input, Cutting::none, Manner::polite, nullptr).play();
  DialoguePlayer(input, Cutting::fine, Manner::polite, nullptr).play();
  return whole;
}

}  // namespace postern::test
