// See sink_dialogue.h.
#include "test/bench/load/sink_dialogue.h"

#include <strings.h>

#include <algorithm>
#include <utility>

#include "test/bench/load/reply_reader.h"

namespace postern::bench {
namespace {

constexpr std::string_view kCapabilities = "IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN IDLE ID";
constexpr std::string_view kEndOfMessage = "\r\n.\r\n";

bool is(std::string_view word, std::string_view wanted) {
  return word.size() == wanted.size() &&
         ::strncasecmp(word.data(), wanted.data(), word.size()) == 0;
}

std::string_view take_word(std::string_view& line) {
  const auto word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

std::string_view greeting_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::imap:
      return "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN IDLE ID] ready\r\n";
    case Protocol::smtp:
      return "220 sink.test ESMTP\r\n";
    case Protocol::pop3:
      break;
  }
  return "+OK ready\r\n";
}

}  // namespace

SinkDialogue::SinkDialogue(Protocol protocol, std::uint64_t message)
    : protocol_(protocol), message_(message), text_(greeting_of(protocol)) {}

void SinkDialogue::feed(std::string_view bytes) {
  while (!bytes.empty() && !is_over_) {
    const auto skipped = std::min<std::uint64_t>(literal_left_, bytes.size());
    literal_left_ -= skipped;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
    if (bytes.empty()) return;
    if (awaits_ == Awaits::message) {
      bytes = skip_message(bytes);
      continue;
    }
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    take_line(std::exchange(line_, {}));
  }
}

std::string_view SinkDialogue::skip_message(std::string_view bytes) {
  const auto overlap = tail_.size();
  const auto seam = tail_.append(bytes.substr(0, kEndOfMessage.size() - 1));
  auto end = seam.find(kEndOfMessage);
  if (end != std::string::npos) {
    end += kEndOfMessage.size() - overlap;
  } else {
    end = bytes.find(kEndOfMessage);
    if (end == std::string_view::npos) {
      if (bytes.size() >= kEndOfMessage.size()) tail_ = bytes.substr(bytes.size() - 4);
      if (tail_.size() > 4) tail_.erase(0, tail_.size() - 4);
      return {};
    }
    end += kEndOfMessage.size();
  }
  tail_.clear();
  awaits_ = Awaits::command;
  say("250 2.0.0 taken\r\n");
  return bytes.substr(end);
}

void SinkDialogue::take_line(std::string_view line) {
  bool waits = false;
  const auto literal = protocol_ == Protocol::imap && awaits_ == Awaits::command
                           ? announced_literal(line, waits)
                           : -1;
  if (literal >= 0) {
    command_ += line;
    literal_left_ = static_cast<std::uint64_t>(literal);
    if (waits) say("+ go on\r\n");
    return;
  }
  const auto whole = std::exchange(command_, {}).append(line);
  switch (protocol_) {
    case Protocol::imap:
      imap(whole);
      return;
    case Protocol::smtp:
      smtp(whole);
      return;
    case Protocol::pop3:
      pop3(whole);
      return;
  }
}

void SinkDialogue::imap(std::string_view line) {
  if (awaits_ != Awaits::command) {
    awaits_ = Awaits::command;
    say(tag_ + " OK done\r\n");
    return;
  }
  tag_ = take_word(line);
  const auto verb = take_word(line);
  if (is(verb, "FETCH")) {
    say("* 1 FETCH (BODY[] {" + std::to_string(message_) + "}\r\n");
    octets_ += message_;
    say(")\r\n");
  } else if (is(verb, "IDLE")) {
    awaits_ = Awaits::idle_end;
    say("+ idling\r\n");
    return;
  } else if (is(verb, "AUTHENTICATE") && line.find(' ') == std::string_view::npos) {
    awaits_ = Awaits::response;
    say("+ \r\n");
    return;
  } else if (is(verb, "CAPABILITY")) {
    say("* CAPABILITY " + std::string(kCapabilities) + "\r\n");
  } else if (is(verb, "ID")) {
    say("* ID NIL\r\n");
  } else if (is(verb, "SELECT")) {
    say("* FLAGS ()\r\n* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] ok\r\n");
  } else if (is(verb, "LOGOUT")) {
    say("* BYE bye\r\n");
    is_over_ = true;
  }
  say(tag_ + " OK done\r\n");
}

void SinkDialogue::smtp(std::string_view line) {
  if (awaits_ == Awaits::response) {
    if (--responses_ > 0) {
      say("334 \r\n");
      return;
    }
    awaits_ = Awaits::command;
    say("235 2.7.0 ok\r\n");
    return;
  }
  const auto verb = take_word(line);
  if (is(verb, "EHLO")) {
    say("250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n");
  } else if (is(verb, "AUTH")) {
    const auto mechanism = take_word(line);
    responses_ = (is(mechanism, "LOGIN") ? 2U : 1U) - (line.empty() ? 0U : 1U);
    if (responses_ > 0) awaits_ = Awaits::response;
    say(responses_ > 0 ? "334 \r\n" : "235 2.7.0 ok\r\n");
  } else if (is(verb, "DATA")) {
    awaits_ = Awaits::message;
    tail_ = "\r\n";
    say("354 go on\r\n");
  } else if (is(verb, "QUIT")) {
    is_over_ = true;
    say("221 2.0.0 bye\r\n");
  } else {
    say("250 2.0.0 ok\r\n");
  }
}

void SinkDialogue::pop3(std::string_view line) {
  if (awaits_ == Awaits::response) {
    awaits_ = Awaits::command;
    say("+OK\r\n");
    return;
  }
  const auto verb = take_word(line);
  if (is(verb, "CAPA")) {
    say("+OK\r\nUSER\r\nSASL PLAIN\r\nPIPELINING\r\nUIDL\r\n.\r\n");
  } else if (is(verb, "AUTH") && line.find(' ') == std::string_view::npos) {
    awaits_ = Awaits::response;
    say("+ \r\n");
  } else {
    is_over_ = is(verb, "QUIT");
    say(is(verb, "STAT") ? "+OK 0 0\r\n" : "+OK\r\n");
  }
}

}  // namespace postern::bench
