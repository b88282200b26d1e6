// The SMTP dialogue between any client and any backend, with any verdicts (dialogue_player.h says what
// comes in).
//
// Invariants of all dialogues: any cutting gives the same steps; what is kept is bounded; it ends; the
// steps are legal; nothing goes to the backend before it has greeted, and no secret before its user has
// been judged, or ever where it was refused; no secret is in an event; nothing before STARTTLS is acted
// on behind it. And an honest backend's eye sees no login that was not allowed, nothing behind AUTH or
// DATA before the answer, no hidden verb, no bare newline (backend_eye.h).
//
// Of SMTP: what goes to the backend is what the client sent, in order; under `reject` no bare CR or LF
// gets there; what goes to the client is the backend's lines, in order and none missing, and postern's
// own replies; it never lets go; without service the client gets the words alone.
#include <algorithm>
#include <cctype>
#include <cstdint>

#include "protocols/smtp_farewell.h"
#include "protocols/smtp_gate.h"
#include "protocols/smtp_replies.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/backend_eye.h"
#include "test/fuzz/protocols/dialogue_player.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

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
  const auto end = text.find('\n');
  const auto line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

bool is_own(std::string_view line) {
  return std::any_of(kSmtpReplies.begin(), kSmtpReplies.end(), [&](const SmtpReplyRow& row) {
    return row.text == line || line.find(kHelpUrl) != std::string_view::npos;
  });
}

// Whether the client got the backend's lines, in order and all of them, and else only postern's.
void check_replies(const Transcript& transcript, std::string_view backend) {
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

void check_no_service(const DialogueInput& input, const Transcript& transcript) {
  const auto words = smtp_farewell(Farewell::old_tls_1_0, input.options);
  const auto farewell = smtp_farewell(Farewell::shutting_down, input.options);
  demand(transcript.to_client().empty() ||
             (transcript.over() &&
              (transcript.to_client() == words || transcript.to_client() == farewell)),
         "no service, but other words");
  demand(transcript.tries() == 0, "no service, but a login");
}

void check(const DialogueInput& input, const Transcript& transcript) {
  demand(!transcript.passes(), "SMTP let go");
  if (!input.has_service) return check_no_service(input, transcript);
  if (!input.refuses) {
    demand(is_subsequence(transcript.to_backend(), input.client),
           "the backend got what the client had not sent");
  }
  if (input.conditions.bare_newlines == BareNewlines::reject && !mentions(input.client, "BDAT")) {
    demand(!has_bare_newline(transcript.to_backend()), "the backend got a bare CR or LF");
  }
  if (!input.refuses && !input.warns && !input.backend_ends &&
      input.conditions.greeting == BackendGreeting::pass && !mentions(input.client, "EHLO")) {
    check_replies(transcript, input.backend);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input =
      read_dialogue_input(Protocol::smtp, {reinterpret_cast<const char*>(data), size});
  const auto eye = make_backend_eye(input);
  check(input, play_all(input, eye.get()));
  return 0;
}
