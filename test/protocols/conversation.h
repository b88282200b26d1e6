// One conversation in each mail protocol's own framing, for tests of what all of them must do.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dialogue.h"
#include "test/support/cutter.h"

namespace postern::test {

// How a protocol frames what all of them say. Lines of the backend and of the client, with CRLF.
struct Framing {
  protocols::Protocol protocol;
  std::string greeting;
  std::string auth;       // before the mechanism's name
  std::string challenge;  // an empty one
  std::string success;
  std::string failure;
  std::string cancelled;  // the answer to `*`
  std::string next;       // a harmless command, and its answer
  std::string next_ok;
};

inline const std::array kFramings{
    Framing{protocols::Protocol::smtp, "220 ready\r\n", "AUTH ", "334 \r\n", "235 2.7.0 in\r\n",
            "535 5.7.8 no\r\n", "501 5.7.0 cancelled\r\n", "NOOP\r\n", "250 ok\r\n"},
    Framing{protocols::Protocol::imap, "* OK ready\r\n", "a AUTHENTICATE ", "+ \r\n", "a OK in\r\n",
            "a NO no\r\n", "a BAD cancelled\r\n", "b NOOP\r\n", "b OK ok\r\n"},
    Framing{protocols::Protocol::pop3, "+OK ready\r\n", "AUTH ", "+ \r\n", "+OK in\r\n",
            "-ERR no\r\n", "-ERR cancelled\r\n", "NOOP\r\n", "+OK ok\r\n"},
};

inline std::string converse(protocols::Protocol protocol, const protocols::Conditions& conditions,
                            const std::vector<Action>& actions, const Policy& policy,
                            const protocols::Options& options = {}) {
  return run([&] { return protocols::make_dialogue(protocol, options, conditions); }, actions,
             policy);
}

// All lines of a transcript that begin so, the beginning left out.
inline std::vector<std::string> lines_of(const std::string& transcript, std::string_view begin) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < transcript.size();) {
    const auto end = transcript.find('\n', at);
    const auto line = transcript.substr(at, end - at);
    if (line.starts_with(begin)) lines.push_back(line.substr(begin.size()));
    at = end + 1;
  }
  return lines;
}

}  // namespace postern::test
