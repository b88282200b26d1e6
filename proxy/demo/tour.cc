// The steps of the tour, see tour.h.
#include "proxy/demo/tour.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <random>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/demo/audit_table.h"
#include "proxy/demo/talk.h"
#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

// What the tour does, seen from the audit log.
constexpr std::size_t kRefusals = 3;
constexpr std::size_t kLogins = 6;
constexpr std::size_t kSessions = 9;
constexpr std::chrono::milliseconds kGlance{50};
constexpr int kMaxGlances = 200;
// Where a step has failed already, what it should have left behind may never come.
constexpr int kGlancesInVain = 20;

class Tour {
 public:
  Tour(const TourSetting& setting, std::ostream& out, Look look)
      : setting_(setting), transcript_(out, look) {}

  bool play();

 private:
  void clear_text_logins();
  void starttls_login();
  void implicit_tls_logins();
  void mail_sent_and_read();
  bool send_mail();
  void read_mail();
  int glances() const { return transcript_.all_good() ? kMaxGlances : kGlancesInVain; }
  void observed_login();
  void audit();
  void report();

  bool start_tls(Talk& talk) { return talk.start_tls(setting_.trusted_pem, setting_.server_name); }
  // A whole IMAP command with its answer.
  static std::vector<std::string> ask(Talk& talk, const std::string& command) {
    talk.say(command);
    return talk.hear_until(command.substr(0, command.find(' ')));
  }
  std::string log_in(Talk& talk, const std::string& tag);

  const TourSetting& setting_;
  Transcript transcript_;
  std::string subject_;
};

bool Tour::play() {
  clear_text_logins();
  starttls_login();
  implicit_tls_logins();
  mail_sent_and_read();
  observed_login();
  audit();
  report();
  transcript_.sum_up();
  return transcript_.all_good();
}

// LOGIN in IMAP; gives the tagged answer.
std::string Tour::log_in(Talk& talk, const std::string& tag) {
  talk.say(tag + " LOGIN " + setting_.user + " " + setting_.password,
           tag + " LOGIN " + setting_.user + " ***");
  return talk.hear_until(tag).back();
}

void Tour::clear_text_logins() {
  transcript_.step("Logins in clear text, where TLS is required");
  {
    transcript_.note("IMAP, port " + std::to_string(setting_.ports.imap));
    Talk talk(setting_.ports.imap, transcript_);
    const std::string greeting = talk.hear();
    transcript_.check(holds_word({greeting}, "LOGINDISABLED"),
                      "the greeting says LOGINDISABLED, so that mail programs don't even try");
    // The length of the password is announced; the password itself would come after a "+".
    talk.say("a1 LOGIN " + setting_.user + " {" + std::to_string(setting_.password.size()) + "}");
    if (transcript_.check(talk.hear().starts_with("a1 NO [PRIVACYREQUIRED]"),
                          "refused before the password was sent")) {
      talk.leave("a2 LOGOUT");
    }
  }
  {
    transcript_.note("POP3, port " + std::to_string(setting_.ports.pop3));
    Talk talk(setting_.ports.pop3, transcript_);
    talk.hear();
    talk.say("USER " + setting_.user);
    transcript_.check(talk.hear().starts_with("-ERR [AUTH]"),
                      "refused before the password was sent");
    talk.leave("QUIT");
  }
  {
    transcript_.note("submission, port " + std::to_string(setting_.ports.submission));
    Talk talk(setting_.ports.submission, transcript_);
    talk.hear_reply();
    talk.say("EHLO tour.example");
    const std::vector<std::string> keywords = talk.hear_reply();
    talk.say("AUTH LOGIN");
    const std::vector<std::string> reply = talk.hear_reply();
    transcript_.check(!holds_word(keywords, "AUTH") && reply.front().starts_with("530 5.7.0"),
                      "AUTH is not offered, and refused before the password was sent");
    talk.leave("QUIT");
  }
}

void Tour::starttls_login() {
  transcript_.step("STARTTLS, then a login: IMAP, port " + std::to_string(setting_.ports.imap));
  Talk talk(setting_.ports.imap, transcript_);
  talk.hear();
  talk.say("b1 STARTTLS");
  if (!transcript_.check(talk.hear().starts_with("b1 OK"), "the upgrade is accepted") ||
      !start_tls(talk)) {
    return;
  }
  const std::vector<std::string> capabilities = ask(talk, "b2 CAPABILITY");
  transcript_.check(holds_word(capabilities, "IDLE") && !holds_word(capabilities, "STARTTLS") &&
                        !holds_word(capabilities, "LOGINDISABLED") &&
                        !holds_word(capabilities, "LOGIN-REFERRALS"),
                    "the old server's own list, without referrals and without a second STARTTLS");
  transcript_.check(log_in(talk, "b3").starts_with("b3 OK"), "logged in");
  talk.leave("b4 LOGOUT");
}

void Tour::implicit_tls_logins() {
  transcript_.step("Implicit TLS, then a login");
  {
    transcript_.note("IMAP, port " + std::to_string(setting_.ports.imaps));
    Talk talk(setting_.ports.imaps, transcript_);
    if (start_tls(talk)) {
      talk.hear();
      transcript_.check(log_in(talk, "c1").starts_with("c1 OK"), "logged in");
      talk.leave("c2 LOGOUT");
    }
  }
  {
    transcript_.note("POP3, port " + std::to_string(setting_.ports.pop3s));
    Talk talk(setting_.ports.pop3s, transcript_);
    if (start_tls(talk)) {
      talk.hear();
      talk.say("USER " + setting_.user);
      talk.hear();
      talk.say("PASS " + setting_.password, "PASS ***");
      transcript_.check(talk.hear().starts_with("+OK"), "logged in");
      talk.leave("QUIT");
    }
  }
}

void Tour::mail_sent_and_read() {
  std::random_device random;
  subject_ = "Through the postern, " + std::to_string(random() % 1'000'000);
  if (send_mail()) {
    read_mail();
  }
}

bool Tour::send_mail() {
  transcript_.step("A mail: sent through submission with STARTTLS, read back over IMAP");
  transcript_.note("submission, port " + std::to_string(setting_.ports.submission));
  Talk talk(setting_.ports.submission, transcript_);
  talk.hear_reply();
  talk.whisper("EHLO tour.example", "250");
  talk.say("STARTTLS");
  if (!transcript_.check(talk.hear_reply().front().starts_with("220"), "the upgrade is accepted") ||
      !start_tls(talk)) {
    return false;
  }
  talk.say("EHLO tour.example");
  const std::vector<std::string> keywords = talk.hear_reply();
  const bool hides =
      std::ranges::none_of(std::array<std::string_view, 7>{"X-EXPS", "X-LINK2STATE", "XEXCH50",
                                                           "TURN", "ETRN", "VRFY", "STARTTLS"},
                           [&](std::string_view keyword) { return holds_word(keywords, keyword); });
  transcript_.check(holds_word(keywords, "AUTH") && hides,
                    "the old server's own list, without its private and dangerous verbs");
  talk.say("AUTH PLAIN " + base64('\0' + setting_.user + '\0' + setting_.password),
           "AUTH PLAIN ***");
  bool is_good = talk.hear_reply().front().starts_with("235");
  const std::array<std::string, 3> commands = {"MAIL FROM:<" + setting_.address + ">",
                                               "RCPT TO:<" + setting_.address + ">", "DATA"};
  for (const std::string& command : commands) {
    talk.say(command);
    const std::string reply = talk.hear_reply().front();
    is_good = is_good && (reply.starts_with("250") || reply.starts_with("354"));
  }
  for (const std::string& line :
       {"From: <" + setting_.address + ">", "To: <" + setting_.address + ">",
        "Subject: " + subject_, std::string(), std::string("Carried by the small gate."),
        std::string(".")}) {
    talk.say(line);
  }
  is_good = talk.hear_reply().front().starts_with("250") && is_good;
  talk.leave("QUIT");
  return transcript_.check(is_good, "logged in, and the mail was taken");
}

void Tour::read_mail() {
  transcript_.note("IMAP, port " + std::to_string(setting_.ports.imaps));
  Talk talk(setting_.ports.imaps, transcript_);
  if (!start_tls(talk)) {
    return;
  }
  talk.hear();
  log_in(talk, "d1");
  talk.whisper("d2 EXAMINE INBOX", "d2");
  const std::vector<std::string> lines = ask(talk, "d3 FETCH * BODY[]");
  transcript_.check(std::ranges::find(lines, "Subject: " + subject_) != lines.end() &&
                        std::ranges::find(lines, "Carried by the small gate.") != lines.end(),
                    "the same mail came back");
  talk.leave("d4 LOGOUT");
}

void Tour::observed_login() {
  const auto port = setting_.ports.imap_observed;
  transcript_.step("A login in clear text, where it is only observed: IMAP, port " +
                   std::to_string(port));
  Talk talk(port, transcript_);
  talk.hear();
  transcript_.check(log_in(talk, "e1").starts_with("e1 OK"),
                    "logged in as before; the password crossed the wire readable");
  talk.leave("e2 LOGOUT");
}

// The inventory is written about once a second.
void Tour::report() {
  transcript_.step("Who still logs in in clear text: postern audit report");
  std::string said;
  for (int left = glances(); left > 0; --left) {
    said = setting_.cleartext_report();
    if (said.find(setting_.user) != std::string::npos) break;
    std::this_thread::sleep_for(kGlance);
  }
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);) transcript_.note(line);
  transcript_.check(said.find(setting_.user) != std::string::npos &&
                        said.find(setting_.password) == std::string::npos,
                    "the report names who must be asked to change, and no password");
}

void Tour::audit() {
  transcript_.step("What the audit log says of all that");
  AuditTable table;
  for (int left = glances(); left > 0; --left) {
    table = AuditTable(setting_.audit_lines());
    if (table.count("login") >= kLogins && table.count("session-end") >= kSessions) {
      break;
    }
    std::this_thread::sleep_for(kGlance);
  }
  transcript_.note("one line as it stands there:");
  transcript_.note(table.first_line_of("login"));
  transcript_.note("all of them, in short:");
  for (const std::string& row : table.rows()) {
    transcript_.note(row);
  }
  transcript_.check(
      table.count("login") == kLogins && table.count_successful_logins_of(setting_.user) == kLogins,
      "one line for each login, with its user, its TLS and its outcome");
  transcript_.check(table.count("login-refused") == kRefusals, "one line for each refused login");
  transcript_.check(table.count("session-end") == kSessions, "one line for each session's end");
  const std::array<std::string, 3> secrets = {
      setting_.password, base64(setting_.password),
      base64('\0' + setting_.user + '\0' + setting_.password)};
  transcript_.check(!table.empty() && std::ranges::none_of(secrets,
                                                           [&](const std::string& secret) {
                                                             return table.holds(secret);
                                                           }),
                    "no password in any of them");
}

}  // namespace

bool tour(const TourSetting& setting, std::ostream& out, Look look) {
  try {
    return Tour(setting, out, look).play();
  } catch (const std::exception& error) {  // out of memory, or a broken callback
    out << "The tour broke off: " << error.what() << std::endl;
    return false;
  }
}

}  // namespace postern::demo
