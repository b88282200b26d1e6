// One session of the sink: a mail server for benchmarks that says yes to everything, in clear text. No
// sockets in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "test/bench/load/protocol.h"

namespace postern::bench {

class SinkDialogue {
 public:
  // `message`: octets of the one message that it gives. The greeting is in text() at once.
  SinkDialogue(Protocol protocol, std::uint64_t message);

  void feed(std::string_view bytes);

  // What it says, in this order: text, octets of the message, and what comes after it. The owner
  // sends them, and takes away what it has sent.
  std::string& text() { return text_; }
  std::uint64_t& octets() { return octets_; }
  std::string& after() { return after_; }
  // When all is said, the connection ends.
  bool is_over() const { return is_over_; }

 private:
  enum class Awaits { command, response, idle_end, message };

  void take_line(std::string_view line);
  void imap(std::string_view line);
  void smtp(std::string_view line);
  void pop3(std::string_view line);
  // The rest behind the end of a message.
  std::string_view skip_message(std::string_view bytes);
  void say(std::string_view text) { (octets_ > 0 ? after_ : text_).append(text); }

  Protocol protocol_;
  std::uint64_t message_;
  Awaits awaits_ = Awaits::command;
  std::string line_;
  std::string command_;  // its lines so far, where literals have cut it
  std::string tag_;
  std::string tail_;  // of the message so far, while its end may be cut
  std::uint64_t literal_left_ = 0;
  unsigned responses_ = 0;
  std::string text_;
  std::uint64_t octets_ = 0;
  std::string after_;
  bool is_over_ = false;
};

}  // namespace postern::bench
