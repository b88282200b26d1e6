// A shown connection, see talk.h.
#include "proxy/demo/talk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/demo/words.h"

namespace postern::demo {

Talk::Talk(std::uint16_t port, Transcript& transcript) : transcript_(transcript) {
  auto client = TlsClient::connect(port);
  if (client.ok()) {
    client_ = std::move(*client);
  } else {
    transcript_.check(false, client.error().message);
  }
}

bool Talk::start_tls(const std::string& trusted_pem, const std::string& server_name) {
  if (!client_) {
    return false;
  }
  const std::string error = client_->start_tls(trusted_pem, server_name);
  if (!error.empty()) {
    client_.reset();
    return transcript_.check(false, error);
  }
  transcript_.note(client_->version() + ", " + client_->cipher() + ", certificate verified for " +
                   server_name);
  return true;
}

void Talk::say(std::string_view line, std::string_view shown) {
  if (!client_) {
    return;
  }
  transcript_.client(shown);
  if (!client_->send(std::string(line) + "\r\n")) {
    transcript_.check(false, "the connection was closed");
    client_.reset();
  }
}

std::string Talk::hear() {
  std::optional<std::string> line = client_ ? client_->read_line() : std::nullopt;
  if (!line) {
    if (client_) {
      transcript_.check(false, "the connection was closed, or nothing came");
      client_.reset();
    }
    return "";
  }
  transcript_.server(*line);
  return std::move(*line);
}

std::vector<std::string> Talk::hear_until(std::string_view last) {
  std::vector<std::string> lines;
  do {
    lines.push_back(hear());
  } while (client_ && lines.size() < kMaxLines && lines.back() != last &&
           !lines.back().starts_with(std::string(last) + " "));
  return lines;
}

std::vector<std::string> Talk::hear_reply() {
  std::vector<std::string> lines;
  do {
    lines.push_back(hear());
  } while (client_ && lines.size() < kMaxLines && lines.back().size() > 3 &&
           lines.back()[3] == '-');
  return lines;
}

void Talk::whisper(std::string_view line, std::string_view last) {
  std::optional<std::string> answer;
  if (client_ && client_->send(std::string(line) + "\r\n")) {
    do {
      answer = client_->read_line();
    } while (answer && !answer->starts_with(std::string(last) + " "));
  }
  if (client_ && !answer) {
    transcript_.check(false, "the connection was closed, or nothing came");
    client_.reset();
  }
}

void Talk::leave(std::string_view line) {
  if (client_ && client_->send(std::string(line) + "\r\n")) {
    for (int lines = 0; lines < kMaxLines && client_->read_line(); ++lines) {
    }
  }
  client_.reset();
}

bool holds_word(const std::vector<std::string>& lines, std::string_view word) {
  for (const std::string& line : lines) {
    std::string text = upper(line);
    std::ranges::replace_if(
        text, [](char octet) { return octet == '[' || octet == ']'; }, ' ');
    if (text.size() > 3 && text[3] == '-') {  // SMTP's "250-AUTH"
      text[3] = ' ';
    }
    std::string_view rest = text;
    while (!rest.empty()) {
      if (take_word(rest) == word) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace postern::demo
