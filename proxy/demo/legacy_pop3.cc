// POP3 of the legacy mail server (RFC 1939, CAPA of RFC 2449), with the wording of an Exchange
// 2003: USER and PASS in clear text, no STLS.
//
//   authorization -USER, PASS-> transaction -QUIT-> update (what is marked goes) -> closed
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/demo/legacy_server.h"
#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::size_t kLine = 1024;
constexpr int kMaxErrors = 20;
constexpr std::string_view kWrongState = "-ERR Command is not valid in this state.";

class Pop3Session {
 public:
  Pop3Session(Connection& client, LegacySite& site) : client_(client), site_(site) {}

  void run();

 private:
  bool obey(std::string_view line);
  bool obey_in_transaction(const std::string& verb, std::string_view arguments);
  bool say(std::string_view reply) { return client_.send(std::string(reply) + "\r\n"); }
  bool refuse(std::string_view reply);
  bool log_in(std::string_view password);
  bool sum_up();
  bool list(const std::string& verb, std::string_view arguments);
  bool retrieve(std::string_view number, std::string_view lines);
  bool mark(std::string_view number);
  bool quit();
  // The message with this number, none where there is none, or it is marked.
  Message* message_at(std::string_view number);
  std::string line_of(const std::string& verb, std::size_t index) const;

  Connection& client_;
  LegacySite& site_;
  std::optional<std::string> name_;
  bool is_logged_in_ = false;
  // As it was at login (RFC 1939 5). Marked ones carry kDeleted here, and nowhere else.
  std::vector<Message> messages_;
  int errors_ = 0;
};

bool is_marked(const Message& message) { return (message.flags & kDeleted) != 0; }

void Pop3Session::run() {
  if (!say("+OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 (" +
           site_.options.hostname + ") ready.")) {
    return;
  }
  while (errors_ < kMaxErrors) {
    const std::optional<std::string> line = client_.read_line(kLine);
    if (!line || !obey(without_newline(*line))) {
      return;
    }
  }
}

bool Pop3Session::refuse(std::string_view reply) {
  ++errors_;
  return say(reply);
}

// False ends the session.
bool Pop3Session::obey(std::string_view line) {
  std::string_view arguments = line;
  const std::string verb = upper(take_word(arguments));
  if (verb == "QUIT") {
    return quit();
  }
  if (verb == "CAPA") {
    return say(
        "+OK Capability list follows\r\nTOP\r\nUSER\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
        "UIDL\r\n.");
  }
  if (is_logged_in_) {
    return obey_in_transaction(verb, arguments);
  }
  if (verb == "USER") {
    name_ = arguments;
    return say("+OK");
  }
  if (verb == "PASS" && name_) {
    // The rest of the line, since a password may hold spaces.
    return log_in(line.substr(std::string_view("PASS ").size() - (arguments.empty() ? 1 : 0)));
  }
  return refuse(kWrongState);
}

bool Pop3Session::log_in(std::string_view password) {
  is_logged_in_ = *name_ == site_.options.user && password == site_.options.password;
  name_.reset();
  if (!is_logged_in_) {
    return refuse("-ERR Logon failure: unknown user name or bad password.");
  }
  messages_ = site_.mailbox.messages();
  for (Message& message : messages_) {
    message.flags = 0;
  }
  return say("+OK User successfully logged on.");
}

bool Pop3Session::obey_in_transaction(const std::string& verb, std::string_view arguments) {
  if (verb == "STAT") {
    return sum_up();
  }
  if (verb == "LIST" || verb == "UIDL") {
    return list(verb, arguments);
  }
  if (verb == "RETR") {
    return retrieve(arguments, "");
  }
  if (verb == "TOP") {
    const std::string_view number = take_word(arguments);
    return retrieve(number, arguments.empty() ? "none" : arguments);
  }
  if (verb == "DELE") {
    return mark(arguments);
  }
  if (verb == "RSET") {
    for (Message& message : messages_) {
      message.flags = 0;
    }
    return say("+OK");
  }
  if (verb == "NOOP") {
    return say("+OK");
  }
  return refuse(kWrongState);
}

bool Pop3Session::sum_up() {
  std::size_t count = 0;
  std::size_t octets = 0;
  for (const Message& message : messages_) {
    count += is_marked(message) ? 0 : 1;
    octets += is_marked(message) ? 0 : message.text->size();
  }
  return say("+OK " + std::to_string(count) + " " + std::to_string(octets));
}

std::string Pop3Session::line_of(const std::string& verb, std::size_t index) const {
  const Message& message = messages_[index];
  return std::to_string(index + 1) + " " +
         (verb == "UIDL" ? std::to_string(Mailbox::kUidValidity) + "-" + std::to_string(message.uid)
                         : std::to_string(message.text->size()));
}

bool Pop3Session::list(const std::string& verb, std::string_view arguments) {
  if (!arguments.empty()) {
    const Message* message = message_at(arguments);
    return message == nullptr
               ? refuse("-ERR The specified message is out of range.")
               : say("+OK " + line_of(verb, static_cast<std::size_t>(message - messages_.data())));
  }
  std::string reply = "+OK\r\n";
  for (std::size_t index = 0; index < messages_.size(); ++index) {
    if (!is_marked(messages_[index])) {
      reply += line_of(verb, index) + "\r\n";
    }
  }
  return say(reply + ".");
}

// RETR (no `lines`) and TOP (the header and so many lines of the body).
bool Pop3Session::retrieve(std::string_view number, std::string_view lines) {
  const Message* message = message_at(number);
  const long most = lines.empty() ? -1 : number_from(lines);
  if (message == nullptr || (!lines.empty() && most < 0)) {
    return refuse("-ERR The specified message is out of range.");
  }
  std::string reply = "+OK\r\n";
  bool is_header = true;
  long body_lines = 0;
  std::string_view rest = *message->text;
  while (!rest.empty() && (is_header || most < 0 || body_lines < most)) {
    const std::string_view line = rest.substr(
        0, rest.find('\n') == std::string_view::npos ? rest.size() : rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    reply += line.starts_with('.') ? "." : "";
    reply += line;
    body_lines += is_header ? 0 : 1;
    is_header = is_header && !without_newline(line).empty();
  }
  return say(reply + (reply.ends_with("\r\n") ? "." : "\r\n."));
}

bool Pop3Session::mark(std::string_view number) {
  Message* message = message_at(number);
  if (message == nullptr) {
    return refuse("-ERR The specified message is out of range.");
  }
  message->flags |= kDeleted;
  return say("+OK");
}

bool Pop3Session::quit() {
  std::vector<std::uint32_t> marked;
  for (const Message& message : messages_) {
    if (is_marked(message)) {
      marked.push_back(message.uid);
    }
  }
  site_.mailbox.remove(marked);
  say("+OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 signing off.");
  return false;
}

Message* Pop3Session::message_at(std::string_view number) {
  const long value = number_from(number);
  if (value < 1 || static_cast<std::size_t>(value) > messages_.size()) {
    return nullptr;
  }
  Message& message = messages_[static_cast<std::size_t>(value) - 1];
  return is_marked(message) ? nullptr : &message;
}

}  // namespace

void serve_pop3(Connection& client, LegacySite& site) { Pop3Session(client, site).run(); }

}  // namespace postern::demo
