// See backend_eye.h.
#include "test/fuzz/protocols/backend_eye.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <optional>
#include <variant>

#include "protocols/imap_lexer.h"
#include "protocols/imap_response.h"
#include "protocols/pop3_command.h"
#include "protocols/smtp_line.h"
#include "test/fuzz/demand.h"

namespace postern::test {

using namespace protocols;

namespace {

std::string upper(std::string_view text) {
  std::string made(text);
  for (auto& c : made) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return made;
}

// The word of this number in a line, counted from 0, in upper case.
std::string word(std::string_view line, int number) {
  constexpr std::string_view kBlanks = " \t\r\n";
  for (;; --number) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kBlanks), line.size());
    if (number == 0) return upper(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// What all three have in common: octets in, lines or counted octets out.
class Eye : public Onlooker {
 public:
  void fed(Side side, std::string_view bytes) override {
    if (side == Side::client) return;
    for (const char c : bytes) {
      if (skipped_ > 0) {
        --skipped_;
        continue;
      }
      reply_ += c;
      if (c == '\n' && !off_) on_reply(reply_);
      if (c == '\n') reply_.clear();
    }
  }
  void took(const Step& step) override {
    off_ = off_ || std::holds_alternative<PassThrough>(step) || std::holds_alternative<End>(step);
    const auto* answered = std::get_if<LoginAnswered>(&step);
    off_ = off_ || (answered != nullptr && answered->outcome == Outcome::success && lets_go());
    const auto* sent = std::get_if<Send>(&step);
    if (sent == nullptr || sent->to == Side::client || off_) return;
    for (const char c : sent->bytes) on_octet(c);
  }
  void judged(Verdict verdict) override {
    if (verdict != Verdict::refuse && verdict != Verdict::unavailable) ++allowed_;
  }

 protected:
  virtual void on_reply(std::string_view line) = 0;
  virtual void on_line(std::string_view line) = 0;
  // An octet of a literal, chunk or message; whether it was one.
  virtual bool on_counted(char c) = 0;
  virtual bool lets_go() const { return true; }
  virtual bool may_come() const = 0;

  void skip(std::uint64_t octets) { skipped_ = octets; }
  void log_in() { demand(++logins_ <= allowed_, "a login that was not allowed"); }

 private:
  void on_octet(char c) {
    demand(may_come(), "something behind a command that may be refused");
    if (on_counted(c)) return;
    demand(c != '\0', "a NUL in a command");
    line_ += c;
    if (c != '\n') return;
    demand(is_clean_line(line_), "a bare CR or LF in a command");
    on_line(line_);
    line_.clear();
  }

  std::string line_;   // to the backend
  std::string reply_;  // from it
  std::uint64_t skipped_ = 0;
  int allowed_ = 0;
  int logins_ = 0;
  bool off_ = false;
};

class SmtpEye final : public Eye {
 private:
  enum class Awaited { plain, data, auth };

  void on_reply(std::string_view line) override {
    const auto reply = parse_smtp_reply(line);
    if (!reply || !reply->last) return;
    if (!greeted_) {
      greeted_ = true;
      return;
    }
    if (awaited_.empty()) return;
    const auto what = awaited_.front();
    awaited_.pop_front();
    is_blocked_ = is_blocked_ && !awaited_.empty();
    in_message_ = what == Awaited::data && reply->go_on();
    in_exchange_ = what == Awaited::auth && reply->go_on();
    if (in_message_) tail_ = "\r\n";
  }

  void on_line(std::string_view line) override {
    constexpr std::array<std::string_view, 6> kHidden = {"STARTTLS", "X-ANONYMOUSTLS", "VRFY",
                                                         "X-EXPS",   "XCLIENT",        "XEXCH50"};
    if (in_exchange_) {
      in_exchange_ = false;
      return await(Awaited::auth);
    }
    const auto verb = word(line, 0);
    demand(!verb.empty(), "an empty command");
    for (const auto hidden : kHidden) demand(verb != hidden, "a hidden verb");
    if (verb == "AUTH") {
      log_in();
      return await(Awaited::auth);
    }
    if (verb == "DATA") return await(Awaited::data);
    if (verb == "BDAT") chunk_ = std::stoull(word(line, 1));
    awaited_.push_back(Awaited::plain);
  }

  bool on_counted(char c) override {
    if (chunk_ > 0) {
      --chunk_;
      return true;
    }
    if (!in_message_) return false;
    tail_ += c;
    if (tail_.size() > 5) tail_.erase(0, 1);
    if (tail_ != "\r\n.\r\n") return true;
    in_message_ = false;
    awaited_.push_back(Awaited::plain);
    return true;
  }

  bool lets_go() const override { return false; }
  bool may_come() const override { return greeted_ && !is_blocked_; }

  void await(Awaited what) {
    awaited_.push_back(what);
    is_blocked_ = true;
  }

  std::deque<Awaited> awaited_;
  std::string tail_;  // of the message, its last octets
  std::uint64_t chunk_ = 0;
  bool greeted_ = false;
  bool is_blocked_ = false;
  bool in_message_ = false;
  bool in_exchange_ = false;
};

class Pop3Eye final : public Eye {
 private:
  enum class Awaited { plain, list, login, auth };

  void on_reply(std::string_view line) override {
    if (!greeted_) {
      greeted_ = true;
      return;
    }
    if (in_list_) {
      in_list_ = without_newline(line) != ".";
      if (!in_list_) awaited_.pop_front();
      return;
    }
    if (awaited_.empty()) return;
    const auto what = awaited_.front();
    const auto status = pop3_status(line);
    if (what == Awaited::list && status == Pop3Status::ok) {
      in_list_ = true;
      return;
    }
    awaited_.pop_front();
    is_blocked_ = is_blocked_ && !awaited_.empty();
    in_exchange_ = what == Awaited::auth &&
                   (status == Pop3Status::go_on || (status == Pop3Status::ok && !is_underway_));
  }

  void on_line(std::string_view line) override {
    if (in_exchange_) {
      in_exchange_ = false;
      is_underway_ = true;
      return await(Awaited::auth);
    }
    const auto verb = word(line, 0);
    demand(verb != "STLS" && verb != "XCLIENT", "a hidden verb");
    if (verb == "CAPA" || (verb == "AUTH" && word(line, 1).empty())) {
      awaited_.push_back(Awaited::list);
    } else if (verb == "AUTH") {
      log_in();
      is_underway_ = !word(line, 2).empty();
      await(Awaited::auth);
    } else if (verb == "USER" || verb == "APOP" || verb == "PASS") {
      if (verb != "PASS") log_in();
      await(Awaited::login);
    } else {
      awaited_.push_back(Awaited::plain);
    }
  }

  bool on_counted(char) override { return false; }
  bool may_come() const override { return greeted_ && !is_blocked_; }

  void await(Awaited what) {
    awaited_.push_back(what);
    is_blocked_ = true;
  }

  std::deque<Awaited> awaited_;
  bool greeted_ = false;
  bool in_list_ = false;
  bool is_blocked_ = false;
  bool in_exchange_ = false;
  bool is_underway_ = false;  // something was sent that could log in
};

class ImapEye final : public Eye {
 private:
  enum class State { open, go_ahead, exchange, response, answer };

  void on_reply(std::string_view line) override {
    if (!greeted_) {
      greeted_ = true;
      return;
    }
    const auto response = read_response(line);
    if (!within_) {
      if (response.kind == ImapResponse::Kind::continuation) return on_go_ahead();
      if (response.kind == ImapResponse::Kind::tagged) return on_tagged(response.tag);
      if (response.kind == ImapResponse::Kind::stray) return;
    }
    const bool is_status = !within_ && response.status != ImapStatus::none;
    const auto literal = is_status ? std::nullopt : literal_at_end(without_newline(line));
    within_ = literal.has_value();
    if (literal) skip(literal->octets);
  }

  void on_go_ahead() {
    if (state_ == State::go_ahead) {
      state_ = State::open;
      literal_ = announced_;
      in_command_ = true;
    } else if (state_ == State::exchange) {
      state_ = State::response;
    }
  }

  void on_tagged(std::string_view tag) {
    const auto found = std::find(tags_.begin(), tags_.end(), tag);
    if (found == tags_.end()) return;
    const bool is_last = found + 1 == tags_.end();
    tags_.erase(found);
    if (!is_last) return;
    state_ = State::open;
    in_command_ = false;
    literal_ = 0;
  }

  void on_line(std::string_view line) override {
    if (state_ == State::response) {
      state_ = State::exchange;
      return;
    }
    if (!in_command_) begin_command(line);
    in_command_ = false;
    const auto literal = literal_at_end(without_newline(line));
    if (verb_ == "AUTHENTICATE") {
      state_ = State::exchange;
    } else if (literal) {
      demand(literal->kind == LiteralKind::synchronising, "a literal that does not wait");
      demand(literal->octets <= kLineLength, "a literal that is too long");
      announced_ = literal->octets;
      state_ = State::go_ahead;
    } else if (verb_ == "LOGIN") {
      state_ = State::answer;
    }
  }

  void begin_command(std::string_view line) {
    demand(tags_.size() < 64, "commands without an answer have a bound");
    tags_.emplace_back(line.substr(0, std::min(line.find(' '), line.size() - 2)));
    verb_ = word(line, 1);
    demand(verb_ != "STARTTLS", "a hidden verb");
    if (verb_ == "LOGIN" || verb_ == "AUTHENTICATE") log_in();
  }

  bool on_counted(char) override {
    if (literal_ == 0) return false;
    --literal_;
    return true;
  }

  bool may_come() const override {
    return greeted_ && (state_ == State::open || state_ == State::response);
  }

  std::vector<std::string> tags_;  // of commands without an answer
  std::string verb_;
  State state_ = State::open;
  std::uint64_t announced_ = 0;
  std::uint64_t literal_ = 0;
  bool in_command_ = false;  // the next line goes on with a command
  bool within_ = false;      // the next reply line goes on with a response
  bool greeted_ = false;
};

}  // namespace

std::unique_ptr<Onlooker> make_backend_eye(const DialogueInput& input) {
  switch (input.protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return std::make_unique<SmtpEye>();
    case Protocol::pop3:
      return std::make_unique<Pop3Eye>();
    case Protocol::imap:
      return std::make_unique<ImapEye>();
  }
  return nullptr;
}

}  // namespace postern::test
