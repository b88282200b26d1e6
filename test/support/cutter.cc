// See cutter.h.
#include "test/support/cutter.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <random>

namespace postern::test {

using namespace protocols;

namespace {

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::client_quit:
      return "client_quit";
    case Cause::backend_refused:
      return "backend_refused";
    case Cause::backend_preauth:
      return "backend_preauth";
    case Cause::backend_closed:
      return "backend_closed";
    case Cause::backend_tls_failed:
      return "backend_tls_failed";
    case Cause::backend_unreachable:
      return "backend_unreachable";
    case Cause::out_of_resources:
      return "out_of_resources";
    case Cause::backend_timeout:
      return "backend_timeout";
    case Cause::backend_protocol:
      return "backend_protocol";
    case Cause::response_injection:
      return "response_injection";
    case Cause::line_too_long:
      return "line_too_long";
    case Cause::bad_syntax:
      return "bad_syntax";
    case Cause::bare_newline:
      return "bare_newline";
    case Cause::too_many_errors:
      return "too_many_errors";
    case Cause::sasl_security_layer:
      return "sasl_security_layer";
    case Cause::farewell:
      return "farewell";
  }
  return "?";
}

std::string_view alarm_name(AlarmKind kind) {
  switch (kind) {
    case AlarmKind::response_injection:
      return "response_injection";
    case AlarmKind::smuggling:
      return "smuggling";
    case AlarmKind::hidden_verb:
      return "hidden_verb";
    case AlarmKind::line_too_long:
      return "line_too_long";
  }
  return "?";
}

std::string text_of(const Login& login) {
  std::string text = login.mechanism;
  if (!login.user.empty()) text += " user=" + printable(login.user);
  if (!login.authorization.empty()) text += " auth=" + printable(login.authorization);
  if (login.sends_secret) text += " secret";
  return text;
}

// Collects steps as text, joining adjacent sends to one side.
class Transcript {
 public:
  void add(const Step& step) {
    if (const auto* sent = std::get_if<Send>(&step)) {
      if (open_ && side_ == sent->to) {
        text_.pop_back();
        text_ += printable(sent->bytes) + "\n";
        return;
      }
      line(std::string(sent->to == Side::client ? "C: " : "B: ") + printable(sent->bytes));
      open_ = true;
      side_ = sent->to;
      return;
    }
    if (const auto* shut = std::get_if<Shut>(&step)) {
      line(shut->to == Side::client ? "shut client" : "shut backend");
    } else if (const auto* tried = std::get_if<LoginTried>(&step)) {
      line("tried " + text_of(tried->login));
    } else if (const auto* answered = std::get_if<LoginAnswered>(&step)) {
      line("answered " + text_of(answered->login) +
           (answered->outcome == Outcome::success ? " success" : " failure"));
    } else if (const auto* refused = std::get_if<LoginRefused>(&step)) {
      line("refused " + text_of(refused->login) + (refused->exposed ? " exposed" : ""));
    } else if (const auto* named = std::get_if<ClientNamed>(&step)) {
      constexpr std::array<std::string_view, 3> kBy = {"ehlo", "imap_id", "commands"};
      line("named " + std::string(kBy[static_cast<std::size_t>(named->by)]) + " " +
           printable(named->name));
    } else if (std::holds_alternative<MailBegun>(step)) {
      line("mail");
    } else if (const auto* alarm = std::get_if<Alarm>(&step)) {
      line("alarm " + std::string(alarm_name(alarm->kind)) +
           (alarm->detail.empty() ? "" : " " + alarm->detail));
    } else if (std::holds_alternative<PassThrough>(step)) {
      line("passthrough");
    } else if (const auto* end = std::get_if<End>(&step)) {
      line("end " + std::string(cause_name(end->cause)));
    }
  }
  void line(const std::string& text) {
    text_ += text + "\n";
    open_ = false;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool open_ = false;
  Side side_ = Side::client;
};

using Cutter = std::function<std::size_t(std::size_t left)>;  // the length of the next piece

// One run of a dialogue; the session's part is played as its contract says.
class DialogueRun {
 public:
  DialogueRun(std::unique_ptr<Dialogue> dialogue, const Policy& policy, Cutter cut)
      : dialogue_(std::move(dialogue)), policy_(policy), cut_(std::move(cut)) {}

  std::string play(const std::vector<Action>& actions) {
    for (const auto& action : actions) {
      const auto side = static_cast<std::size_t>(action.side);
      if (action.kind == Action::Kind::feed) {
        waiting_[side] += action.bytes;
      } else {
        endings_[side].push_back(action.ending);
      }
      deliver();
    }
    if (tls_) transcript_.line("tls " + printable(dialogue_->take_rest() + waiting_[0]));
    return transcript_.text();
  }

 private:
  // Delivers what is wanted, until nothing moves.
  void deliver() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Side side : {Side::client, Side::backend}) {
        auto& bytes = waiting_[static_cast<std::size_t>(side)];
        auto& endings = endings_[static_cast<std::size_t>(side)];
        while (!over_ && !bytes.empty() && dialogue_->wants(side)) {
          const std::string piece = bytes.substr(0, cut_(bytes.size()));
          bytes.erase(0, piece.size());
          call([&](Steps& out) { dialogue_->feed(side, piece, out); });
          moved = true;
        }
        if (!over_ && bytes.empty() && !endings.empty()) {
          const auto how = endings.front();
          endings.clear();
          call([&](Steps& out) { dialogue_->ended(side, how, out); });
          moved = true;
        }
      }
    }
  }

  void call(const std::function<void(Steps&)>& feed) {
    Steps steps;
    feed(steps);
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        REQUIRE_FALSE(over_);  // nothing follows the last step
        transcript_.add(steps[i]);
        if (std::holds_alternative<BeginTls>(steps[i])) over_ = tls_ = true;
        if (std::holds_alternative<PassThrough>(steps[i]) || std::holds_alternative<End>(steps[i]))
          over_ = true;
        if (const auto* tried = std::get_if<LoginTried>(&steps[i])) {
          REQUIRE(i + 1 == steps.size());  // a held login is the last step of its call
          const auto verdict = policy_(tried->login);
          steps.clear();
          dialogue_->decide(verdict, steps);
          again = true;
          break;
        }
      }
    }
  }

  std::unique_ptr<Dialogue> dialogue_;
  const Policy& policy_;
  Cutter cut_;
  Transcript transcript_;
  std::array<std::string, 2> waiting_;
  std::array<std::vector<Ending>, 2> endings_;
  bool over_ = false;
  bool tls_ = false;
};

std::string play_gate(const GateMaker& make, std::string_view bytes, const Cutter& cut) {
  const auto gate = make();
  Transcript transcript;
  bool over = false;
  bool tls = false;
  const auto take = [&](const Steps& steps) {
    for (const auto& step : steps) {
      REQUIRE_FALSE(over);
      transcript.add(step);
      if (std::holds_alternative<BeginTls>(step)) over = tls = true;
      if (std::holds_alternative<End>(step)) over = true;
    }
  };
  Steps steps;
  gate->greet(steps);
  take(steps);
  while (!bytes.empty() && !over) {
    const std::string piece(bytes.substr(0, cut(bytes.size())));
    bytes.remove_prefix(piece.size());
    steps.clear();
    gate->feed(piece, steps);
    take(steps);
  }
  if (tls) transcript.line("tls " + printable(gate->take_rest() + std::string(bytes)));
  return transcript.text();
}

// Plays it whole, byte by byte and at random cuts.
std::string compare(const std::function<std::string(const Cutter&)>& play) {
  const auto whole = play([](std::size_t left) { return left; });
  INFO("cut byte by byte");
  REQUIRE(play([](std::size_t) { return std::size_t{1}; }) == whole);
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("random cuts, seed " << seed);
    std::mt19937 random(seed);
    REQUIRE(play([&](std::size_t left) {
              return std::uniform_int_distribution<std::size_t>(
                  1, std::min<std::size_t>(left, 40))(random);
            }) == whole);
  }
  return whole;
}

}  // namespace

Action client(std::string_view bytes) {
  return {Action::Kind::feed, Side::client, std::string(bytes), {}};
}

Action backend(std::string_view bytes) {
  return {Action::Kind::feed, Side::backend, std::string(bytes), {}};
}

Action ended(Side side, Ending how) { return {Action::Kind::ended, side, {}, how}; }

Policy always(Verdict verdict) {
  return [verdict](const Login&) { return verdict; };
}

std::string run(const Maker& make, const std::vector<Action>& actions, const Policy& policy) {
  return compare([&](const Cutter& cut) { return DialogueRun(make(), policy, cut).play(actions); });
}

std::string run(const GateMaker& make, std::string_view client_bytes) {
  return compare([&](const Cutter& cut) { return play_gate(make, client_bytes, cut); });
}

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (octet < 0x20 || octet >= 0x7f) {
      std::array<char, 5> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", octet);
      text += hex.data();
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace postern::test
