// The SMTP dialogue with any client, any backend and any verdicts. The input is a letter for the
// conditions, then actions, each behind an octet 0xff: `c` bytes of the client, `b` bytes of the
// backend, `a`, `w`, `r` and `t` allow, warn, refuse or put off logins from here on, `x` the client ends, `X` the
// backend ends, `U` it is unreachable, `T` it is late, `f` a farewell; `s`, as the first, refuses the
// service.
//
// Invariants: any cutting gives the same steps; nothing goes to the backend before it has greeted;
// what goes there is what the client sent, in order, and under `reject` without a bare CR or LF; what
// goes to the client is the backend's lines, in order and none missing, and postern's own replies;
// what is kept is bounded; who is warned and let in is told; without service the client gets the words
// alone.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <vector>

#include "protocols/smtp_dialogue.h"
#include "protocols/smtp_gate.h"
#include "test/fuzz/protocols/smtp_transcript.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

constexpr char kSeparator = '\xff';
constexpr std::size_t kLineLength = 128;
constexpr std::size_t kLongestPiece = 4096;

struct Input {
  Options options;
  Conditions conditions;
  std::vector<std::string_view> actions;
  std::string client;  // all bytes of each side
  std::string backend;
  bool refuses = false;
  bool warns = false;
  bool has_service = true;
};

Input read(std::string_view bytes) {
  Input input;
  input.options.line_length = kLineLength;
  input.options.help_url = "https://help.example";
  input.options.hidden_verbs = {"VRFY", "X-EXPS", "XCLIENT", "XEXCH50"};
  const unsigned bits = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  if (bits & 1U) input.conditions.bare_newlines = BareNewlines::pass;
  if (bits & 2U) input.conditions.transport = Transport::cleartext;
  if (bits & 4U) input.conditions.upgrade = Upgrade::offered;
  if (bits & 8U) input.conditions.cleartext_logins = CleartextLogins::not_offered;
  if (bits & 16U) input.conditions.greeting = BackendGreeting::swallow;
  if (bits & 32U) input.conditions.judging = Judging::each_piece;
  std::size_t at = bytes.find(kSeparator);
  while (at != std::string_view::npos) {
    const auto end = bytes.find(kSeparator, at + 1);
    const auto action = bytes.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    at = end;
    if (action.empty()) continue;
    input.actions.push_back(action);
    if (action.front() == 'c') input.client += action.substr(1);
    if (action.front() == 'b') input.backend += action.substr(1);
    if (action.front() == 'r' || action.front() == 't') input.refuses = true;
    if (action.front() == 'w') input.warns = true;
  }
  input.has_service = input.actions.empty() || input.actions.front().front() != 's';
  return input;
}

// Plays the session's part. With `polite` it feeds only what is wanted.
enum class Manner { rude, polite };

class Player {
 public:
  Player(const Input& input, unsigned seed, Manner manner)
      : input_(input), cuts_(seed), manner_(manner), dialogue_(input.options, input.conditions) {}

  const SmtpTranscript& play(const Input& input) {
    if (!input.has_service) {
      gone_[1] = true;
      call([&](Steps& out) { dialogue_.refuse_service(Farewell::old_tls_1_0, out); });
    }
    for (const auto action : input.actions) {
      if (transcript_.over()) break;
      act(action);
    }
    // What was not fed any more is TLS's too.
    if (transcript_.tls()) transcript_.note("\nrest " + dialogue_.take_rest() + not_fed_);
    return transcript_;
  }

 private:
  void act(std::string_view action) {
    switch (action.front()) {
      case 'c':
        return feed(Side::client, action.substr(1));
      case 'b':
        return feed(Side::backend, action.substr(1));
      case 'a':
        verdict_ = Verdict::allow;
        return;
      case 'w':
        verdict_ = Verdict::warn;
        return;
      case 'r':
        verdict_ = Verdict::refuse;
        return;
      case 't':
        verdict_ = Verdict::unavailable;
        return;
      case 'x':
        return end(Side::client, Ending::closed);
      case 'X':
        return end(Side::backend, Ending::closed);
      case 'U':
        return end(Side::backend, Ending::unreachable);
      case 'T':
        return end(Side::backend, Ending::timed_out);
      case 'f':
        return call([&](Steps& out) { dialogue_.farewell(Farewell::shutting_down, out); });
      default:
        return;
    }
  }

  void feed(Side side, std::string_view bytes) {
    auto& gone = gone_[static_cast<std::size_t>(side)];
    while (!bytes.empty() && !transcript_.over() && !gone) {
      if (manner_ == Manner::polite && !dialogue_.wants(side)) return;
      const std::string piece(bytes.substr(0, std::min(kLongestPiece, cuts_.next(bytes.size()))));
      bytes.remove_prefix(piece.size());
      if (side == Side::backend) count_greeting(piece);
      call([&](Steps& out) { dialogue_.feed(side, piece, out); });
    }
    if (side == Side::client) not_fed_ = bytes;
  }

  void end(Side side, Ending how) {
    auto& gone = gone_[static_cast<std::size_t>(side)];
    if (gone) return;
    gone = true;
    call([&](Steps& out) { dialogue_.ended(side, how, out); });
  }

  // The greeting can be complete only when a line of the backend's has ended.
  void count_greeting(std::string_view piece) {
    greeted_ = greeted_ || piece.find('\n') != std::string_view::npos;
  }

  template <typename Call>
  void call(const Call& give) {
    Steps steps;
    give(steps);
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        transcript_.add(steps[i]);
        check_warning(steps[i]);
        if (!std::holds_alternative<LoginTried>(steps[i])) continue;
        demand(i + 1 == steps.size(), "a held login is the last step");
        demand(!dialogue_.wants(Side::client) && !dialogue_.wants(Side::backend),
               "nothing is wanted while a login is judged");
        steps.clear();
        judged_ = verdict_;
        dialogue_.decide(verdict_, steps);
        again = true;
        break;
      }
    }
    demand(greeted_ || transcript_.to_backend().empty(), "nothing before the greeting");
    if (manner_ == Manner::polite) {
      demand(dialogue_.kept() <= kLineLength + kLongestPiece + kMaxReplyLine + kMaxHeldReply,
             "what is kept is bounded");
    }
  }

  void check_warning(const Step& step) const {
    const auto* answered = std::get_if<LoginAnswered>(&step);
    if (answered == nullptr || answered->outcome == Outcome::failure) return;
    if (judged_ != Verdict::warn || input_.conditions.transport == Transport::tls) return;
    demand(transcript_.to_client().ends_with("https://help.example\r\n"), "nobody was warned");
  }

  const Input& input_;
  SmtpCuts cuts_;
  Manner manner_;
  SmtpDialogue dialogue_;
  SmtpTranscript transcript_;
  Verdict verdict_ = Verdict::allow;
  Verdict judged_ = Verdict::allow;
  std::string not_fed_;
  std::array<bool, 2> gone_{};
  bool greeted_ = false;
};

bool mentions(const std::string& text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

bool is_subsequence(std::string_view part, std::string_view whole) {
  for (const char c : part) {
    const auto at = whole.find(c);
    if (at == std::string_view::npos) return false;
    whole.remove_prefix(at + 1);
  }
  return true;
}

bool has_bare_newline(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
  }
  return false;
}

// Takes a line, its LF included; all there is where none ends.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(
      0, text.find('\n') == std::string_view::npos ? std::string_view::npos : text.find('\n') + 1);
  text.remove_prefix(line.size());
  return line;
}

bool is_own(std::string_view line) {
  return std::any_of(kSmtpReplies.begin(), kSmtpReplies.end(),
                     [&](const SmtpReplyRow& row) { return row.text == line; });
}

// Whether the client got the backend's lines, in order and all of them, and else only postern's.
void check_replies(const SmtpTranscript& transcript, std::string_view backend) {
  std::string_view got = transcript.to_client();
  while (!got.empty()) {
    const auto line = take_line(got);
    auto rest = backend;
    if (take_line(rest) == line) {
      backend = rest;
    } else {
      demand(is_own(line), "the client got a line that nobody said");
    }
  }
  demand(transcript.over() || backend.find('\n') == std::string_view::npos,
         "a line of the backend's was lost");
}

void check_no_service(const Input& input, const SmtpTranscript& transcript) {
  const auto words = smtp_farewell(Farewell::old_tls_1_0, input.options);
  const auto farewell = smtp_farewell(Farewell::shutting_down, input.options);
  demand(transcript.to_backend().empty(), "no service, but a backend");
  demand(transcript.to_client().empty() ||
             (transcript.over() &&
              (transcript.to_client() == words || transcript.to_client() == farewell)),
         "no service, but other words");
  demand(transcript.text().find("\n#2 ") == std::string::npos, "no service, but a login");
}

void check(const Input& input, const SmtpTranscript& transcript) {
  if (!input.has_service) return check_no_service(input, transcript);
  if (!input.refuses) {
    demand(is_subsequence(transcript.to_backend(), input.client),
           "the backend got what the client had not sent");
  }
  if (input.conditions.bare_newlines == BareNewlines::reject && !mentions(input.client, "BDAT")) {
    demand(!has_bare_newline(transcript.to_backend()), "the backend got a bare CR or LF");
  }
  const bool backend_ends =
      std::any_of(input.actions.begin(), input.actions.end(),
                  [](std::string_view action) { return action.find_first_of("XUT") == 0; });
  if (!input.refuses && !input.warns && !backend_ends &&
      input.conditions.greeting == BackendGreeting::pass && !mentions(input.client, "EHLO")) {
    check_replies(transcript, input.backend);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read({reinterpret_cast<const char*>(data), size});
  Player whole(input, 0, Manner::rude);
  const auto& transcript = whole.play(input);
  check(input, transcript);
  for (const unsigned seed : {1U, 2U + static_cast<unsigned>(size)}) {
    Player cut(input, seed, Manner::rude);
    demand(cut.play(input).text() == transcript.text(), "any cutting gives the same steps");
  }
  Player polite(input, 3, Manner::polite);
  polite.play(input);
  return 0;
}
