// SMTP of the legacy mail server (RFC 5321, AUTH of RFC 4954, BDAT of RFC 3030), with the EHLO list
// and the wording of an Exchange 2003: it offers VRFY, TURN and its own verbs, and takes a password
// in clear text. It delivers to its one user, and relays for nobody.
//
//   greeting -> commands -AUTH-> SASL exchange -> commands
//                  |  ^
//        MAIL, RCPT|  |stored, refused or RSET
//                  v  |
//             DATA or BDAT
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/demo/legacy_server.h"
#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::size_t kLine = 12 * 1024;  // RFC 4954 4: what a SASL response may need
constexpr int kMaxErrors = 20;

constexpr std::array<std::string_view, 18> kEhloList = {"TURN",
                                                        "ATRN",
                                                        "SIZE",
                                                        "ETRN",
                                                        "PIPELINING",
                                                        "DSN",
                                                        "ENHANCEDSTATUSCODES",
                                                        "8bitmime",
                                                        "BINARYMIME",
                                                        "CHUNKING",
                                                        "VRFY",
                                                        "X-EXPS LOGIN",
                                                        "X-EXPS=LOGIN",
                                                        "AUTH LOGIN PLAIN",
                                                        "AUTH=LOGIN",
                                                        "X-LINK2STATE",
                                                        "XEXCH50",
                                                        "OK"};

class SmtpSession {
 public:
  SmtpSession(Connection& client, LegacySite& site) : client_(client), site_(site) {}

  void run();

 private:
  bool obey(std::string_view line);
  bool say(std::string_view reply) { return client_.send(std::string(reply) + "\r\n"); }
  bool refuse(std::string_view reply);
  bool answer_ehlo(std::string_view name);
  bool authenticate(std::string_view arguments);
  std::optional<std::string> ask(std::string_view challenge);
  bool mail(std::string_view arguments);
  bool rcpt(std::string_view arguments);
  bool data();
  bool bdat(std::string_view arguments);
  bool store();
  void reset();

  Connection& client_;
  LegacySite& site_;
  bool is_authenticated_ = false;
  bool has_sender_ = false;
  bool has_recipient_ = false;
  bool is_in_bdat_ = false;
  std::string message_;
  int errors_ = 0;
};

// What stands between < and > behind `prefix` ("FROM:", "TO:"), parameters thrown away.
std::optional<std::string_view> path_behind(std::string_view prefix, std::string_view arguments) {
  if (!equals_ignoring_case(arguments.substr(0, prefix.size()), prefix)) {
    return std::nullopt;
  }
  arguments.remove_prefix(prefix.size());
  const std::size_t begin = arguments.find('<');
  const std::size_t end = arguments.find('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return std::nullopt;
  }
  return arguments.substr(begin + 1, end - begin - 1);
}

void SmtpSession::run() {
  const std::string now = mail_date(site_.options.now());
  if (!say("220 " + site_.options.hostname +
           " Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at " + now)) {
    return;
  }
  while (errors_ < kMaxErrors) {
    const std::optional<std::string> line = client_.read_line(kLine);
    if (!line || !obey(without_newline(*line))) {
      return;
    }
  }
  say("421 4.7.0 Too many errors on this connection");
}

// False ends the session.
bool SmtpSession::obey(std::string_view line) {
  std::string_view arguments = line;
  const std::string verb = upper(take_word(arguments));
  if (is_in_bdat_ && verb != "BDAT" && verb != "RSET" && verb != "QUIT" && verb != "NOOP") {
    return refuse("503 5.5.1 BDAT is not complete");
  }
  if (verb == "EHLO" || verb == "HELO") {
    reset();
    return verb == "EHLO" ? answer_ehlo(arguments)
                          : say("250 " + site_.options.hostname + " Hello");
  }
  if (verb == "AUTH" || verb == "X-EXPS") {
    return authenticate(arguments);
  }
  if (verb == "MAIL") {
    return mail(arguments);
  }
  if (verb == "RCPT") {
    return rcpt(arguments);
  }
  if (verb == "DATA") {
    return data();
  }
  if (verb == "BDAT") {
    return bdat(arguments);
  }
  if (verb == "RSET") {
    reset();
    return say("250 2.0.0 Resetting");
  }
  if (verb == "NOOP") {
    return say("250 2.0.0 OK");
  }
  if (verb == "VRFY") {
    return say("252 2.1.5 Cannot VRFY user");
  }
  if (verb == "HELP") {
    return say("214 This server supports EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY AUTH QUIT");
  }
  if (verb == "QUIT") {
    say("221 2.0.0 " + site_.options.hostname + " Service closing transmission channel");
    return false;
  }
  return refuse("500 5.3.3 Unrecognized command");
}

bool SmtpSession::refuse(std::string_view reply) {
  ++errors_;
  return say(reply);
}

bool SmtpSession::answer_ehlo(std::string_view name) {
  if (name.empty()) {
    return refuse("501 5.5.4 Invalid domain name");
  }
  std::string reply = "250-" + site_.options.hostname + " Hello [127.0.0.1]\r\n";
  for (const std::string_view keyword : kEhloList) {
    reply += keyword == kEhloList.back() ? "250 " : "250-";
    reply += keyword;
    reply += "\r\n";
  }
  return client_.send(reply);
}

// One challenge and its response, decoded; none when the client is gone or has cancelled with "*".
std::optional<std::string> SmtpSession::ask(std::string_view challenge) {
  if (!say("334 " + std::string(challenge))) {
    return std::nullopt;
  }
  const std::optional<std::string> line = client_.read_line(kLine);
  if (!line || without_newline(*line) == "*") {
    return std::nullopt;
  }
  return from_base64(without_newline(*line));
}

bool SmtpSession::authenticate(std::string_view arguments) {
  const std::string mechanism = upper(take_word(arguments));
  if (is_authenticated_ || has_sender_) {
    return refuse("503 5.5.2 Bad sequence of commands");
  }
  std::optional<std::string> name;
  std::optional<std::string> password;
  if (mechanism == "LOGIN") {
    name = arguments.empty() ? ask(base64("Username:")) : from_base64(arguments);
    password = name ? ask(base64("Password:")) : std::nullopt;
  } else if (mechanism == "PLAIN") {
    const auto response = arguments.empty() ? ask("") : from_base64(arguments);
    // RFC 4616: authorization identity, NUL, authentication identity, NUL, password.
    const std::size_t first = response ? response->find('\0') : std::string::npos;
    const std::size_t second = first == std::string::npos ? first : response->find('\0', first + 1);
    if (second != std::string::npos) {
      name = response->substr(first + 1, second - first - 1);
      password = response->substr(second + 1);
    }
  } else {
    return refuse("504 5.7.4 Unrecognized authentication type");
  }
  if (!name || !password) {
    return refuse("501 5.7.3 Cannot decode response");
  }
  is_authenticated_ = *name == site_.options.user && *password == site_.options.password;
  return is_authenticated_ ? say("235 2.7.0 Authentication successful.")
                           : refuse("535 5.7.3 Authentication unsuccessful.");
}

bool SmtpSession::mail(std::string_view arguments) {
  const std::optional<std::string_view> sender = path_behind("FROM:", arguments);
  if (has_sender_) {
    return refuse("503 5.5.2 Sender already specified");
  }
  if (!sender) {
    return refuse("501 5.5.4 Invalid Address");
  }
  has_sender_ = true;
  return say("250 2.1.0 " + std::string(*sender) + "....Sender OK");
}

bool SmtpSession::rcpt(std::string_view arguments) {
  const std::optional<std::string_view> recipient = path_behind("TO:", arguments);
  if (!has_sender_) {
    return refuse("503 5.5.2 Need mail command.");
  }
  if (!recipient) {
    return refuse("501 5.5.4 Invalid Address");
  }
  const std::string address(*recipient);
  if (!equals_ignoring_case(address.substr(0, address.find('@')), site_.options.user)) {
    return refuse(is_authenticated_ ? "550 5.1.1 User unknown"
                                    : "550 5.7.1 Unable to relay for " + address);
  }
  has_recipient_ = true;
  return say("250 2.1.5 " + address);
}

// RFC 5321 4.5.2: only CRLF.CRLF ends it, and the first dot of a line goes.
bool SmtpSession::data() {
  if (!has_recipient_) {
    return refuse("503 5.5.2 Need Rcpt command.");
  }
  if (!say("354 Start mail input; end with <CRLF>.<CRLF>")) {
    return false;
  }
  bool is_line_start = true;
  while (const std::optional<std::string> piece = client_.read_piece(kLine)) {
    std::string_view text = *piece;
    if (is_line_start && text == ".\r\n") {
      return store();
    }
    if (is_line_start && text.starts_with('.')) {
      text.remove_prefix(1);
    }
    // What would be too large is read to its end, but not kept.
    if (message_.size() <= Mailbox::kMaxMessageOctets) {
      message_ += text;
    }
    is_line_start = text.ends_with("\r\n") || (text == "\n" && message_.ends_with("\r\n"));
  }
  return false;
}

bool SmtpSession::bdat(std::string_view arguments) {
  const long count = number_from(take_word(arguments));
  const bool is_last = equals_ignoring_case(arguments, "LAST");
  if (count < 0 || (!is_last && !arguments.empty())) {
    refuse("501 5.5.4 Invalid arguments");
    return false;  // how many octets follow is not known
  }
  const auto octets = static_cast<std::size_t>(count);
  if (octets + message_.size() > Mailbox::kMaxMessageOctets) {
    refuse("552 5.3.4 Message size exceeds fixed limit");
    return false;
  }
  if (!client_.read_octets(octets, message_)) {
    return false;
  }
  if (!has_recipient_) {
    reset();
    return refuse("503 5.5.2 Need Rcpt command.");
  }
  is_in_bdat_ = !is_last;
  return is_last ? store() : say("250 2.0.0 " + std::to_string(count) + " octets received");
}

bool SmtpSession::store() {
  const std::optional<std::uint32_t> uid =
      site_.mailbox.append(std::exchange(message_, {}), 0, site_.options.now());
  reset();
  return uid ? say("250 2.6.0 <" + std::to_string(*uid) + "@" + site_.options.hostname +
                   "> Queued mail for delivery")
             : refuse("552 5.2.2 Mailbox full, or message too large");
}

void SmtpSession::reset() {
  has_sender_ = false;
  has_recipient_ = false;
  is_in_bdat_ = false;
  message_.clear();
}

}  // namespace

void serve_smtp(Connection& client, LegacySite& site) { SmtpSession(client, site).run(); }

}  // namespace postern::demo
