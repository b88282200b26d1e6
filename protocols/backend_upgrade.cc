// See backend_upgrade.h.
#include "protocols/backend_upgrade.h"

#include <algorithm>

#include "protocols/greeting.h"

namespace postern::protocols {

namespace {

using State = BackendUpgrade::State;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// `begin` is in upper case. A word ends where the line does, or at a space.
bool begins_with_word(std::string_view line, std::string_view begin) {
  return line.size() >= begin.size() &&
         std::equal(begin.begin(), begin.end(), line.begin(),
                    [](char a, char b) { return a == upper(b); }) &&
         (line.size() == begin.size() || line[begin.size()] == ' ');
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class SmtpUpgrade final : public BackendUpgrade {
 public:
  explicit SmtpUpgrade(std::string_view hostname) : hostname_(hostname) {}

 private:
  enum class Awaited { ehlo, go_ahead };

  // RFC 5321 section 4.2: three digits, then a hyphen on all lines but the last.
  void take(std::string_view line, std::string& commands) override {
    const auto text = without_newline(line);
    const bool is_reply = text.size() >= 3 &&
                          std::all_of(text.begin(), text.begin() + 3, is_digit) &&
                          (text.size() == 3 || text[3] == ' ' || text[3] == '-');
    if (!is_reply) return fail(UpgradeFailure::protocol);
    const auto code = text.substr(0, 3);
    const bool is_last = text.size() == 3 || text[3] == ' ';
    if (state_ == State::greeting) return take_greeting(line, code, is_last, commands);
    if (awaited_ == Awaited::go_ahead) {
      if (!is_last) return;
      if (code != "220") return fail(UpgradeFailure::not_offered);
      state_ = State::upgraded;
      return;
    }
    if (code != "250") return fail(UpgradeFailure::not_offered);
    is_offered_ |= text.size() > 4 && begins_with_word(text.substr(4), "STARTTLS");
    if (!is_last) return;
    if (!is_offered_) return fail(UpgradeFailure::not_offered);
    awaited_ = Awaited::go_ahead;
    commands += "STARTTLS\r\n";
  }

  void take_greeting(std::string_view line, std::string_view code, bool is_last,
                     std::string& commands) {
    if (greeting_.empty() && refuses(Protocol::smtp, line)) return;
    if (code != "220") return fail(UpgradeFailure::greeting);
    greeting_ += line;
    if (!is_last) return;
    state_ = State::asking;
    commands.append("EHLO ").append(hostname_).append("\r\n");
  }

  const std::string hostname_;
  Awaited awaited_ = Awaited::ehlo;
  bool is_offered_ = false;
};

class ImapUpgrade final : public BackendUpgrade {
 private:
  static constexpr std::string_view kTag = "p1";

  void take(std::string_view line, std::string& commands) override {
    const auto text = without_newline(line);
    if (state_ == State::greeting) {
      if (refuses(Protocol::imap, line)) return;
      if (!begins_with_word(text, "* OK")) return fail(UpgradeFailure::greeting);
      greeting_ = without_codes(text);
      state_ = State::asking;
      commands.append(kTag).append(" STARTTLS\r\n");
      return;
    }
    if (may_come_any_time(text)) {
      if (begins_with_word(text, "* BYE")) fail(UpgradeFailure::closed);
      return;
    }
    if (begins_with_word(text, "P1 OK")) {
      state_ = State::upgraded;
    } else {
      fail(begins_with_word(text, "P1 NO") || begins_with_word(text, "P1 BAD")
               ? UpgradeFailure::not_offered
               : UpgradeFailure::protocol);
    }
  }

  // It may say more before it answers (RFC 9051 section 5.2).
  bool may_come_any_time(std::string_view line) const override { return line.starts_with("* "); }

  // No response code is left: nobody vouches for what was said in clear, and clients show an ALERT as
  // the server's word.
  static std::string without_codes(std::string_view greeting) {
    constexpr std::string_view kBegin = "* OK ";
    std::string kept(kBegin);
    auto text = greeting.substr(std::min(greeting.size(), kBegin.size()));
    while (text.starts_with(' ') || text.starts_with('[')) {
      const auto end = text.front() == ' ' ? 0 : text.find(']');
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    // RFC 9051 section 9: resp-text is at least one character.
    kept.append(text.empty() ? "ready" : text).append("\r\n");
    return kept;
  }
};

class Pop3Upgrade final : public BackendUpgrade {
 private:
  void take(std::string_view line, std::string& commands) override {
    const bool is_positive = begins_with_word(without_newline(line), "+OK");
    if (state_ == State::greeting) {
      if (refuses(Protocol::pop3, line)) return;
      if (!is_positive) return fail(UpgradeFailure::greeting);
      greeting_ = line;
      state_ = State::asking;
      commands += "STLS\r\n";
    } else if (is_positive) {
      state_ = State::upgraded;
    } else {
      fail(begins_with_word(without_newline(line), "-ERR") ? UpgradeFailure::not_offered
                                                           : UpgradeFailure::protocol);
    }
  }
};

}  // namespace

State BackendUpgrade::feed(std::string_view bytes, std::string& commands) {
  if (state_ == State::failed || bytes.empty()) return state_;
  if (state_ == State::upgraded) {
    fail(UpgradeFailure::response_injection);
    return state_;
  }
  buffer_.open(bytes);
  while (state_ == State::greeting || state_ == State::asking) {
    const auto line = buffer_.line();
    if (!line) break;
    if (++lines_ > kMostLines || line->find('\0') != std::string_view::npos ||
        without_newline(*line).find('\r') != std::string_view::npos) {
      fail(UpgradeFailure::protocol);
      break;
    }
    ask(*line, commands);
  }
  if (state_ == State::upgraded && !buffer_.empty()) fail(UpgradeFailure::response_injection);
  if (state_ != State::failed && buffer_.too_long()) fail(UpgradeFailure::protocol);
  if (state_ == State::failed) {
    buffer_.clear();
  } else {
    buffer_.close();
  }
  return state_;
}

// Takes a line, unless it is a reply that came before its command: whoever writes into the connection
// knows beforehand what will be asked.
void BackendUpgrade::ask(std::string_view line, std::string& commands) {
  const bool is_early = early_ > 0;
  early_ -= std::min(early_, line.size());
  if (is_early && !may_come_any_time(line)) return fail(UpgradeFailure::early_reply);
  const auto asked = commands.size();
  take(line, commands);
  if (commands.size() > asked) early_ = buffer_.size();
}

bool BackendUpgrade::refuses(Protocol protocol, std::string_view line) {
  if (classify_greeting(protocol, line) != GreetingKind::refusal) return false;
  greeting_ = line;
  fail(UpgradeFailure::refused);
  return true;
}

void BackendUpgrade::fail(UpgradeFailure failure) {
  if (state_ == State::failed) return;
  state_ = State::failed;
  failure_ = failure;
}

std::unique_ptr<BackendUpgrade> make_backend_upgrade(Protocol protocol, std::string_view hostname) {
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return std::make_unique<SmtpUpgrade>(hostname);
    case Protocol::imap:
      return std::make_unique<ImapUpgrade>();
    case Protocol::pop3:
      return std::make_unique<Pop3Upgrade>();
  }
  __builtin_unreachable();
}

std::string_view words_for(UpgradeFailure failure) {
  switch (failure) {
    case UpgradeFailure::none:
      return "";
    case UpgradeFailure::refused:
      return "it refuses the connection";
    case UpgradeFailure::greeting:
      return "its greeting in clear is PREAUTH, or none at all";
    case UpgradeFailure::not_offered:
      return "it does not offer STARTTLS, or refuses it";
    case UpgradeFailure::protocol:
      return "what it says before STARTTLS is no reply of the protocol";
    case UpgradeFailure::closed:
      return "it closed before TLS began";
    case UpgradeFailure::response_injection:
      return "clear text stood behind its go-ahead for TLS";
    case UpgradeFailure::early_reply:
      return "it answered before it could have heard the command";
  }
  __builtin_unreachable();
}

}  // namespace postern::protocols
