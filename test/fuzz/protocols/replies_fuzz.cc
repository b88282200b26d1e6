// What reads and edits single lines and lists of SMTP and POP3: commands, replies, EHLO's and CAPA's
// lists, and the words that postern puts behind a reply. The input is taken for each of them in turn.
//
// Invariants: what is read is a part of the line; sizes of codes lie inside it; an edited list holds no
// word that must not show, is a list of the same kind with whole lines, grows by no more than what
// postern offers, and editing it again changes nothing; a reply with a warning stays within its bound
// and on one line.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/greeting.h"
#include "protocols/help.h"
#include "protocols/line_buffer.h"
#include "protocols/pop3_capa.h"
#include "protocols/pop3_command.h"
#include "protocols/smtp_ehlo.h"
#include "protocols/smtp_line.h"
#include "test/fuzz/demand.h"

using namespace postern::protocols;
using postern::test::demand;

namespace {

const std::set<std::string, std::less<>> kHidden = {"VRFY", "XCLIENT", "X-EXPS"};

bool is_part(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

std::string upper(std::string_view text) {
  std::string made(text);
  for (auto& c : made) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return made;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

std::string_view first_word(std::string_view text, std::string_view ends) {
  text = without_newline(text);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_first_of(ends));
}

void check_line(std::string_view line) {
  const auto command = parse_smtp_command(line, kHidden);
  demand(command.name.size() <= 32 && is_part(command.argument, line), "an SMTP command");
  demand((command.verb == SmtpVerb::unknown) == (command.name == "?"),
         "an unknown verb has no name");
  const auto words = smtp_words(command.argument);
  demand(is_part(words.first, line) && is_part(words.rest, line), "words of an argument");
  if (const auto chunk = parse_bdat(line)) demand(*chunk <= kMaxChunk, "a chunk's size");
  if (const auto reply = parse_smtp_reply(line)) {
    demand(reply->code >= 200 && reply->code <= 599, "a reply code");
    demand(size_of_codes(line) <= line.size(), "codes are in the line");
  }
  const auto pop3 = parse_pop3_command(line);
  demand(pop3.name.size() <= 7 && is_part(pop3.argument, line), "a POP3 command");
  const auto auth = split_pop3_auth(pop3.argument);
  demand(auth.mechanism.size() <= line.size() + 4, "a mechanism");
  for (const auto& login : {pop3_user_login(pop3.argument), pop3_apop_login(pop3.argument)}) {
    demand(login.user.size() <= 255 && login.authorization.empty(), "a POP3 login");
  }
  demand(size_of_pop3_codes(line) <= line.size(), "status and code are in the line");
  const auto greeting = without_apop_timestamp(line);
  demand(greeting.size() <= line.size(), "a greeting does not grow");
  for (const auto protocol : {Protocol::smtp, Protocol::imap, Protocol::pop3}) {
    // What is known of a greeting from its beginning stays so.
    auto last = GreetingKind::undecided;
    for (std::size_t size = 0; size <= std::min<std::size_t>(line.size(), 16); ++size) {
      const auto kind = classify_greeting(protocol, line.substr(0, size));
      demand(last == GreetingKind::undecided || kind == last, "a greeting changes its mind");
      last = kind;
    }
  }
}

void check_words(std::string_view line) {
  Options options;
  options.refusal_text = "Ask the help desk";
  options.help_url = "https://help.example/x";
  const auto codes = std::min(size_of_codes(line), line.size());
  const auto warned = with_warning(line, codes, Login{"PLAIN", "joe", "", true}, options);
  demand(warned.starts_with(line.substr(0, codes)), "a reply's code stays");
  if (line.size() <= kMaxReplyOctets)
    demand(warned.size() <= kMaxReplyOctets + 2, "a reply's length");
  demand(std::count(warned.begin(), warned.end(), '\n') <=
             std::max<std::ptrdiff_t>(1, std::count(line.begin(), line.end(), '\n')),
         "a warning stays on its line");
}

// A list as the dialogue collects it: lines of one reply.
void check_ehlo(std::string_view input) {
  std::string list;
  for (auto rest = input; !rest.empty();) {
    const auto line = take_line(rest);
    const auto reply = parse_smtp_reply(line);
    if (!line.ends_with('\n') || !reply || !reply->success()) return;
    list += line;
    if (reply->last) break;
    if (rest.empty()) return;
  }
  if (list.empty()) return;
  for (unsigned bits = 0; bits < 4; ++bits) {
    const EhloEdits edits{
        kHidden, bits & 1U ? EhloEdits::Logins::hidden : EhloEdits::Logins::shown,
        bits & 2U ? EhloEdits::Starttls::offered : EhloEdits::Starttls::not_offered};
    const auto edited = edit_ehlo(list, edits);
    demand(edit_ehlo(edited.text, edits).text == edited.text, "edited twice is edited once");
    demand(edited.text.size() <= list.size() + 16, "a list grows by STARTTLS alone");
    std::string_view rest = edited.text;
    int starttls = 0;
    for (bool first = true; !rest.empty(); first = false) {
      const auto line = take_line(rest);
      const auto reply = parse_smtp_reply(line);
      demand(reply && reply->success() && reply->last == rest.empty(), "it stays one reply");
      if (first || line.size() < 5) continue;
      // "AUTH=LOGIN" is an old spelling of AUTH.
      const auto word = upper(first_word(line.substr(4), " =\t"));
      if (word == "STARTTLS") ++starttls;
      demand(kHidden.count(word) == 0 && word != "X-ANONYMOUSTLS" && word != "REQUIRETLS",
             "a word that must not show");
      demand((bits & 1U) == 0 || word != "AUTH", "logins that must not show");
    }
    demand(starttls == (bits & 2U ? 1 : 0), "STARTTLS is postern's");
  }
}

void check_capa(std::string_view input) {
  std::string list;
  for (auto rest = input; !rest.empty();) {
    const auto line = take_line(rest);
    if (!line.ends_with('\n')) return;
    if (list.empty() && pop3_status(line) != Pop3Status::ok) return;
    list += line;
    if (without_newline(line) == "." && list.size() > line.size()) break;
    if (rest.empty()) return;
  }
  if (list.empty()) return;
  for (unsigned bits = 0; bits < 4; ++bits) {
    const Pop3Offer offer{bits & 1U ? Upgrade::offered : Upgrade::not_offered,
                          bits & 2U ? CleartextLogins::not_offered : CleartextLogins::offered};
    const auto edited = edit_pop3_capa(list, offer);
    demand(edit_pop3_capa(edited, offer) == edited, "edited twice is edited once");
    demand(edited.size() <= list.size() + 8, "a list grows by STLS alone");
    std::string_view rest = edited;
    int stls = 0;
    for (bool first = true; !rest.empty(); first = false) {
      const auto line = take_line(rest);
      demand((without_newline(line) == ".") == rest.empty() || first, "it ends with its dot");
      if (first) continue;
      // "USER=" is a keyword of its own (RFC 2449 section 3).
      const auto word = upper(first_word(line, " \t"));
      if (word == "STLS") ++stls;
      demand(word != "XCLIENT", "a word that must not show");
      demand((bits & 2U) == 0 || (word != "USER" && word != "SASL" && word != "APOP"),
             "logins that must not show");
    }
    demand(stls == (bits & 1U ? 1 : 0), "STLS is postern's");
  }
  const auto mechanisms = edit_pop3_auth_list(list);
  demand(mechanisms.size() <= list.size() && edit_pop3_auth_list(mechanisms) == mechanisms,
         "a list of mechanisms");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4'096));
  check_ehlo(input);
  check_capa(input);
  std::string_view rest = input;
  for (int lines = 0; !rest.empty() && lines < 16; ++lines) {
    const auto line = take_line(rest);
    check_line(line);
    check_words(line);
  }
  return 0;
}
