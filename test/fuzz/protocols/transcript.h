// All steps of one run, written down so that two runs can be compared, and what holds for the steps of
// every gate and dialogue.
#pragma once

#include <string>
#include <string_view>

#include "protocols/steps.h"

namespace postern::test {

// Demands of each step: nothing follows BeginTls, PassThrough or End; no Send is empty; no login, name
// or alarm holds the marked secret, and all are bounded; a login is answered only after one was tried.
class Transcript {
 public:
  void add(const protocols::Step& step);
  // Bytes passed on in passthrough.
  void add_passed(protocols::Side to, std::string_view bytes);
  // The end of a session in passthrough.
  void add_end_of_passthrough(const protocols::Step& step);
  void note(std::string_view text);

  // Sends to one side that follow each other are joined. In passthrough the two directions no longer
  // wait for each other, so from the login's success on each stands by itself.
  std::string text() const;
  const std::string& to_client() const { return to_client_; }
  const std::string& to_backend() const { return to_backend_; }
  bool over() const { return tls_ || ended_ || passes_; }
  bool tls() const { return tls_; }
  bool ended() const { return ended_; }
  bool passes() const { return passes_; }
  bool logged_in() const { return logged_in_; }
  std::size_t steps() const { return steps_; }
  std::size_t tries() const { return tries_; }
  std::size_t to_backend_in_passthrough() const { return passed_to_backend_; }

 private:
  void write(const protocols::Login& login);
  void take(const protocols::Step& step);

  std::string text_;
  std::string late_;          // since the last login's success: what was no Send
  std::size_t login_at_ = 0;  // in text_
  std::string to_client_;
  std::string to_backend_;
  bool sending_ = false;
  protocols::Side side_ = protocols::Side::client;
  std::size_t steps_ = 0;
  std::size_t tries_ = 0;
  std::size_t passed_to_backend_ = 0;
  bool named_ = false;
  bool logged_in_ = false;
  bool tls_ = false;
  bool ended_ = false;
  bool passes_ = false;
};

}  // namespace postern::test
