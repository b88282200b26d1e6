// For the fuzz targets of SMTP: steps written down so that two runs can be compared, and a stop that
// the fuzzer sees.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "protocols/steps.h"

namespace postern::test {

// Ends the program where an invariant does not hold.
inline void demand(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "broken: " << what << "\n";
  std::abort();
}

// All steps of a run. Adjacent sends to one side are joined.
class SmtpTranscript {
 public:
  void add(const protocols::Step& step) {
    demand(!over_, "a step behind the last one");
    if (const auto* sent = std::get_if<protocols::Send>(&step)) {
      auto& all = sent->to == protocols::Side::client ? to_client_ : to_backend_;
      all += sent->bytes;
      if (!sending_ || side_ != sent->to)
        text_ += sent->to == protocols::Side::client ? "\nC " : "\nB ";
      sending_ = true;
      side_ = sent->to;
      text_ += sent->bytes;
      return;
    }
    sending_ = false;
    text_ += "\n#" + std::to_string(step.index()) + " ";
    if (const auto* tried = std::get_if<protocols::LoginTried>(&step)) add(tried->login);
    if (const auto* answered = std::get_if<protocols::LoginAnswered>(&step)) {
      add(answered->login);
      text_ += answered->outcome == protocols::Outcome::success ? "success" : "failure";
    }
    if (const auto* refused = std::get_if<protocols::LoginRefused>(&step)) {
      add(refused->login);
      text_ += refused->exposed ? "exposed" : "";
    }
    if (const auto* named = std::get_if<protocols::ClientNamed>(&step)) text_ += named->name;
    if (const auto* alarm = std::get_if<protocols::Alarm>(&step)) text_ += alarm->detail;
    if (const auto* end = std::get_if<protocols::End>(&step)) {
      text_ += std::to_string(static_cast<int>(end->cause));
      over_ = ended_ = true;
    }
    if (std::holds_alternative<protocols::BeginTls>(step)) over_ = tls_ = true;
    demand(!std::holds_alternative<protocols::PassThrough>(step), "SMTP let go");
  }
  void note(std::string_view text) {
    text_ += text;
    sending_ = false;
  }

  const std::string& text() const { return text_; }
  const std::string& to_client() const { return to_client_; }
  const std::string& to_backend() const { return to_backend_; }
  bool over() const { return over_; }
  bool ended() const { return ended_; }
  bool tls() const { return tls_; }

 private:
  void add(const protocols::Login& login) {
    text_ += login.mechanism + "/" + login.user + "/" + login.authorization +
             (login.sends_secret ? "/secret " : " ");
  }

  std::string text_;
  std::string to_client_;
  std::string to_backend_;
  bool sending_ = false;
  protocols::Side side_ = protocols::Side::client;
  bool over_ = false;
  bool ended_ = false;
  bool tls_ = false;
};

// The length of the next piece, from 1 to `left`; a `seed` of 0 takes all, 1 single octets.
class SmtpCuts {
 public:
  explicit SmtpCuts(unsigned seed) : seed_(seed) {}
  std::size_t next(std::size_t left) {
    if (seed_ == 0) return left;
    if (seed_ == 1) return 1;
    state_ = state_ * 1103515245U + seed_ + 12345U;
    const std::size_t most = left < 40 ? left : 40;
    return 1 + (state_ >> 16U) % most;
  }

 private:
  unsigned seed_;
  unsigned state_ = 1;
};

}  // namespace postern::test
