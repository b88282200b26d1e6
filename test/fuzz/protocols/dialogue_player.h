// Plays the session's part for a dialogue: feeds it what a script says, judges its logins, and demands
// what holds for the dialogues of all protocols. The letters of a script (script.h):
//
//   conditions   t under TLS (else in clear), o the upgrade is offered, h clear logins are hidden,
//                g the greeting is swallowed, p bare newlines pass, n there is no service,
//                e a login is judged at each piece
//   C c B b      bytes of the client or the backend
//   L            a login with the marked secret, in the way of its number ("L3", marked_login.h)
//   a w r l      logins are allowed (at first), warned, refused, put off from here on
//   x            the client ends
//   X U T        the backend ends, is unreachable, is late
//   f            a farewell
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"
#include "test/fuzz/heap.h"
#include "test/fuzz/protocols/transcript.h"
#include "test/fuzz/script.h"

namespace postern::test {

inline constexpr std::size_t kLineLength = 128;
inline constexpr std::string_view kHelpUrl = "https://help.example";

struct DialogueInput {
  protocols::Protocol protocol{};
  protocols::Options options;
  protocols::Conditions conditions;
  Script script;       // its L are bytes of the client by now
  std::string client;  // all bytes of each side
  std::string backend;
  bool has_service = true;
  bool refuses = false;      // some verdict may be
  bool refuses_all = false;  // no verdict is another
  bool warns = false;
  bool backend_ends = false;
  // Octets of `client` before the marked login; none: no login in it is known to be one.
  std::size_t marked_at = std::string::npos;
};

DialogueInput read_dialogue_input(protocols::Protocol protocol, std::string_view text);

// Rude: feeds all at once, wanted or not, so that the order does not depend on the cutting. Polite:
// what is not wanted waits, as it does in a socket.
enum class Manner { rude, polite };

// What a harness wants to see while the player plays.
struct Onlooker {
  virtual ~Onlooker() = default;
  virtual void fed(protocols::Side, std::string_view) {}
  virtual void took(const protocols::Step&) {}
  virtual void judged(protocols::Verdict) {}
};

class DialoguePlayer {
 public:
  // All outlive it; `onlooker` may be null.
  DialoguePlayer(const DialogueInput& input, Cutting cutting, Manner manner, Onlooker* onlooker);
  ~DialoguePlayer();
  const Transcript& play();

 private:
  void act(const ScriptAction& action);
  void feed(protocols::Side side, const ScriptAction& action);
  void feed_piece(protocols::Side side, std::string_view bytes);
  void deliver();
  void end(protocols::Side side, protocols::Ending how);
  protocols::Passage& passage();  // in passthrough
  void say_farewell();
  void call(const std::function<void(protocols::Steps&)>& give);
  void take(const protocols::Step& step);
  void check_after_call();
  void check_rest();

  const DialogueInput& input_;
  const Cutting cutting_;
  const Manner manner_;
  Onlooker* const onlooker_;
  HeapMeter meter_;
  std::unique_ptr<protocols::Dialogue> dialogue_;
  std::unique_ptr<protocols::Passage> passage_;
  Transcript transcript_;
  protocols::Verdict verdict_ = protocols::Verdict::allow;
  protocols::Verdict judged_ = protocols::Verdict::allow;  // the last one given
  std::string judged_user_;                                // with it
  std::string tried_user_;
  std::array<std::string, 2> waiting_;  // polite: not wanted yet
  std::array<std::size_t, 2> fed_{};
  std::size_t biggest_piece_ = 0;
  std::size_t calls_ = 0;
  std::size_t verdicts_ = 0;
  std::array<bool, 2> gone_{};
  bool greeted_ = false;
};

// Plays the script in all cuttings, demands that they come to the same, and gives the transcript. The
// onlooker sees the fine one, where the script is short and its pieces are single octets.
Transcript play_all(const DialogueInput& input, Onlooker* onlooker);

}  // namespace postern::test
