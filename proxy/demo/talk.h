// One connection of the tour that shows what both sides say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/demo/tls_client.h"
#include "proxy/demo/transcript.h"

namespace postern::demo {

// When a connection fails, that is a failed check in the transcript; afterwards nothing is sent,
// and all that is heard is "".
class Talk {
 public:
  static constexpr int kMaxLines = 500;  // of one answer

  // Connects to a port on 127.0.0.1. `transcript` must outlive it.
  Talk(std::uint16_t port, Transcript& transcript);

  // The handshake, with a line about what was agreed on; false, with a failed check, when it fails.
  bool start_tls(const std::string& trusted_pem, const std::string& server_name);

  // Sends a line. `shown` is printed in its place where it holds a secret.
  void say(std::string_view line) { say(line, line); }
  void say(std::string_view line, std::string_view shown);

  // The next line.
  std::string hear();
  // Lines up to one that begins with `tag` and a space (IMAP), or is ".": all of them, the last one
  // last.
  std::vector<std::string> hear_until(std::string_view last);
  // Sends a line and takes the answer, up to a line that begins with `last` and a space; neither is
  // shown, except where the connection fails.
  void whisper(std::string_view line, std::string_view last);
  // Says goodbye, and waits until the server has closed; neither is shown.
  void leave(std::string_view line);
  // The lines of one SMTP reply (RFC 5321 4.2.1).
  std::vector<std::string> hear_reply();

 private:
  Transcript& transcript_;
  std::unique_ptr<TlsClient> client_;  // none: it has failed
};

// Whether a list of words, in any line, holds `word`.
bool holds_word(const std::vector<std::string>& lines, std::string_view word);

}  // namespace postern::demo
