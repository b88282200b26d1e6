// Fuzzes Pop3Gate with the client's bytes, whole and byte by byte. What must hold, whatever comes:
// - both cuttings give the same bytes, the same events and the same rest for TLS;
// - nothing follows BeginTls or End;
// - all that is sent goes to the client, in whole lines that begin with a status or stand in a
// list;
// - no login is answered or let through, and at most 21 commands are refused;
// - the order of commands is told once, and is bounded;
// - the last command is a known verb, "?" or nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocols/pop3_gate.h"

using namespace postern::protocols;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class Run {
 public:
  Run() : gate_(options()) {
    Steps steps;
    gate_.greet(steps);
    take(steps);
  }

  // All that was sent, and the events between, as one text.
  std::string play(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !over_) {
      Steps steps;
      // A copy of its own, so that a view that outlives it is found.
      const std::string fed(bytes.substr(0, piece));
      bytes.remove_prefix(fed.size());
      gate_.feed(fed, steps);
      take(steps);
      const auto verb = gate_.last_command();
      require(verb.size() <= 7);
    }
    if (tls_) text_ += "\ntls " + gate_.take_rest() + std::string(bytes);
    require(refused_ <= kPop3MostRefusals + 1);
    return text_;
  }

 private:
  static const Options& options() {
    static const Options kOptions = [] {
      Options made;
      made.line_length = 256;
      return made;
    }();
    return kOptions;
  }

  void take(const Steps& steps) {
    for (const auto& step : steps) {
      require(!over_);
      if (const auto* sent = std::get_if<Send>(&step)) {
        require(sent->to == Side::client && sent->bytes.ends_with("\r\n"));
        require(sent->bytes.starts_with("+OK") || sent->bytes.starts_with("-ERR "));
        if (sent->bytes.starts_with("-ERR ")) ++refused_;
        text_ += sent->bytes;
      } else if (const auto* refused = std::get_if<LoginRefused>(&step)) {
        require(refused->login.user.size() <= 255);
        text_ += "\nrefused " + refused->login.mechanism + " " + refused->login.user +
                 (refused->exposed ? " exposed" : "") + "\n";
      } else if (const auto* end = std::get_if<End>(&step)) {
        text_ += "\nend " + std::to_string(static_cast<int>(end->cause));
        over_ = true;
      } else if (std::holds_alternative<BeginTls>(step)) {
        over_ = tls_ = true;
      } else if (const auto* named = std::get_if<ClientNamed>(&step)) {
        require(!std::exchange(named_, true));
        require(named->by == NamedBy::commands && named->name.size() <= 64);
        text_ += "\nnamed " + named->name + "\n";
      } else {
        require(std::holds_alternative<Alarm>(step));
        text_ += "\nalarm\n";
      }
    }
  }

  Pop3Gate gate_;
  std::string text_;
  int refused_ = 0;
  bool named_ = false;
  bool over_ = false;
  bool tls_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = Run().play(bytes, bytes.size());
  require(Run().play(bytes, 1) == whole);
  require(Run().play(bytes, 7) == whole);
  return 0;
}
