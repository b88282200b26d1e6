// See help.h.
#include "protocols/help.h"

#include <algorithm>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

constexpr std::string_view kNewline = "\r\n";
constexpr std::string_view kSee = "See ";

constexpr std::string_view kSecretWasClear =
    "Your password came without encryption, which will be refused soon: "
    "turn on SSL/TLS or STARTTLS in your mail program";
constexpr std::string_view kLoginWasClear =
    "Your login came without encryption, which will be refused soon: "
    "turn on SSL/TLS or STARTTLS in your mail program";

// Adds a sentence behind what may be none yet.
void add_sentence(std::string& text, std::string_view sentence) {
  if (sentence.empty()) return;
  if (!text.empty() && text.back() != ' ') {
    const bool is_ended = std::string_view(".!?:").find(text.back()) != std::string_view::npos;
    text.append(is_ended ? " " : ". ");
  }
  text.append(sentence);
}

// Cuts to at most `size` octets, not within a UTF-8 sequence.
std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string with_help(std::string_view line, const Options& options, std::size_t most) {
  const std::string start(without_newline(line));
  const std::string see = options.help_url.empty() ? "" : std::string(kSee) + options.help_url;
  const auto made = [&](std::string_view text, std::string_view where) {
    std::string whole = start;
    add_sentence(whole, text);
    add_sentence(whole, where);
    return whole.append(kNewline);
  };
  auto whole = made(options.refusal_text, see);
  if (whole.size() > most) whole = made({}, see);
  if (whole.size() > most) whole = made({}, {});
  return whole;
}

std::string with_warning(std::string_view line, std::size_t code, const Login& login,
                         const Options& options) {
  constexpr std::size_t kJoint = 2;  // ". "
  const auto words = with_help(login.sends_secret ? kSecretWasClear : kLoginWasClear, options,
                               kMaxReplyOctets - code - kJoint);
  const auto text = without_newline(line);
  std::string whole(cut(text, std::max(code, kMaxReplyOctets - kJoint - words.size())));
  if (whole.size() == code) {
    if (!whole.empty() && whole.back() != ' ') whole.push_back(' ');
    return whole.append(words);
  }
  add_sentence(whole, words);
  return whole;
}

std::string with_host(std::string_view text, const Options& options) {
  constexpr std::string_view kMark = "{host}";
  std::string made(text);
  const auto at = made.find(kMark);
  if (at == std::string::npos) return made;
  return made.replace(at, kMark.size(),
                      std::string_view(options.hostname).substr(0, kMaxHostOctets));
}

}  // namespace postern::protocols
