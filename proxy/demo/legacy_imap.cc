// IMAP of the legacy mail server (RFC 3501, IDLE, LITERAL+, UIDPLUS, NAMESPACE), with the
// capabilities and the wording of an Exchange 2003: LOGIN in clear text, no STARTTLS, and
// LOGIN-REFERRALS, which it never uses.
//
//   not_authenticated -LOGIN-> authenticated -SELECT, EXAMINE-> selected
//                                    ^----------CLOSE---------------+
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/demo/imap_command.h"
#include "proxy/demo/imap_fetch.h"
#include "proxy/demo/imap_session.h"
#include "proxy/demo/legacy_server.h"
#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

constexpr std::string_view kCapabilities =
    "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ UIDPLUS CHILDREN";
constexpr std::size_t kLiteralBeforeLogin = 1024;
constexpr std::chrono::milliseconds kIdleGlance{100};  // how often IDLE looks for new mail
constexpr int kMaxErrors = 20;

}  // namespace

struct ImapSession::Row {
  std::string_view verb;
  ImapState least;  // the state that it needs at least
  bool (ImapSession::*obey)(ImapWords&);
};

void ImapSession::run() {
  if (!untagged("OK Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (" +
                site_.options.hostname + ") ready.")) {
    return;
  }
  while (errors_ < kMaxErrors) {
    const ImapCommand command = read_imap_command(client_, state_ == ImapState::not_authenticated
                                                               ? kLiteralBeforeLogin
                                                               : Mailbox::kMaxMessageOctets);
    if (command.arrival == Arrival::ended) {
      return;
    }
    if (command.arrival == Arrival::too_large) {
      tag_ = command.text.substr(0, command.text.find(' '));
      if (!bad("Protocol Error: \"Literal too large\".")) {
        return;
      }
    } else if (!obey(command.text)) {
      return;
    }
  }
  untagged("BYE Too many errors.");
}

bool ImapSession::bad(std::string_view text) {
  ++errors_;
  return tagged("BAD " + std::string(text));
}

bool ImapSession::obey(std::string_view command) {
  static constexpr std::array<Row, 25> kRows = {{
      {"CAPABILITY", ImapState::not_authenticated, &ImapSession::capability},
      {"NOOP", ImapState::not_authenticated, &ImapSession::noop},
      {"LOGOUT", ImapState::not_authenticated, &ImapSession::log_out},
      {"LOGIN", ImapState::not_authenticated, &ImapSession::log_in},
      {"SELECT", ImapState::authenticated, &ImapSession::select},
      {"EXAMINE", ImapState::authenticated, &ImapSession::examine},
      {"LIST", ImapState::authenticated, &ImapSession::list},
      {"LSUB", ImapState::authenticated, &ImapSession::lsub},
      {"NAMESPACE", ImapState::authenticated, &ImapSession::name_space},
      {"STATUS", ImapState::authenticated, &ImapSession::status},
      {"APPEND", ImapState::authenticated, &ImapSession::append},
      {"IDLE", ImapState::authenticated, &ImapSession::idle},
      {"SUBSCRIBE", ImapState::authenticated, &ImapSession::subscribe},
      {"UNSUBSCRIBE", ImapState::authenticated, &ImapSession::subscribe},
      {"CREATE", ImapState::authenticated, &ImapSession::only_inbox},
      {"DELETE", ImapState::authenticated, &ImapSession::only_inbox},
      {"RENAME", ImapState::authenticated, &ImapSession::only_inbox},
      {"COPY", ImapState::selected, &ImapSession::only_inbox},
      {"CHECK", ImapState::selected, &ImapSession::noop},
      {"CLOSE", ImapState::selected, &ImapSession::close},
      {"EXPUNGE", ImapState::selected, &ImapSession::expunge},
      {"SEARCH", ImapState::selected, &ImapSession::search},
      {"FETCH", ImapState::selected, &ImapSession::fetch},
      {"STORE", ImapState::selected, &ImapSession::store},
      {"UID", ImapState::selected, &ImapSession::uid},
  }};
  ImapWords words(command);
  std::optional<std::string> tag = words.take_atom();
  if (!tag || !words.take(' ')) {
    ++errors_;
    return untagged("BAD Protocol Error: \"Tag not found in command\".");
  }
  tag_ = *tag;
  const std::string verb = upper(words.take_atom().value_or(""));
  const auto* row = std::ranges::find(kRows, verb, &Row::verb);
  if (row == kRows.end() || verb.empty()) {
    return bad("Protocol Error: \"Unidentifiable command specified\".");
  }
  if (state_ < row->least) {
    return bad("Command is not valid in this state.");
  }
  words.take(' ');
  return (this->*row->obey)(words);
}

bool ImapSession::capability(ImapWords&) {
  return untagged("CAPABILITY " + std::string(kCapabilities)) && done("CAPABILITY");
}

bool ImapSession::noop(ImapWords&) { return announce(Expunges::announce) && done("NOOP"); }

bool ImapSession::log_out(ImapWords&) {
  if (untagged("BYE Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 signing "
               "off.")) {
    done("LOGOUT");
  }
  return false;
}

bool ImapSession::log_in(ImapWords& words) {
  const std::optional<std::string> name = words.take_astring();
  words.take(' ');
  const std::optional<std::string> password = words.take_astring();
  if (state_ != ImapState::not_authenticated || !name || !password || !words.at_end()) {
    return bad("Protocol Error: \"Unexpected arguments, or logged in already\".");
  }
  if (*name != site_.options.user || *password != site_.options.password) {
    ++errors_;
    return no("Logon failure: unknown user name or bad password.");
  }
  state_ = ImapState::authenticated;
  return done("LOGIN");
}

// Takes a mailbox name, with the space behind it, and tells whether it is INBOX.
bool ImapSession::takes_inbox(ImapWords& words) {
  const std::optional<std::string> name = words.take_astring();
  words.take(' ');
  return name && equals_ignoring_case(*name, "INBOX");
}

bool ImapSession::open(ImapWords& words, const std::string& verb) {
  state_ = ImapState::authenticated;
  if (!takes_inbox(words)) {
    return no("There is only INBOX here.");
  }
  view_.clear();
  std::size_t first_unseen = 0;
  for (const Message& message : site_.mailbox.messages()) {
    view_.push_back(message.uid);
    if (first_unseen == 0 && (message.flags & kSeen) == 0) {
      first_unseen = view_.size();
    }
  }
  state_ = ImapState::selected;
  verb_of_open_ = verb;
  return untagged(std::to_string(view_.size()) + " EXISTS") && untagged("0 RECENT") &&
         untagged("FLAGS " + flags_text(kAllFlags)) &&
         untagged("OK [PERMANENTFLAGS " + (is_writable() ? flags_text(kAllFlags) : "()") + "]") &&
         (first_unseen == 0 || untagged("OK [UNSEEN " + std::to_string(first_unseen) + "]")) &&
         untagged("OK [UIDVALIDITY " + std::to_string(Mailbox::kUidValidity) + "]") &&
         untagged("OK [UIDNEXT " + std::to_string(site_.mailbox.next_uid()) + "]") &&
         tagged("OK [" + std::string(is_writable() ? "READ-WRITE" : "READ-ONLY") + "] " + verb +
                " completed.");
}

bool ImapSession::list_as(ImapWords& words, const std::string& verb) {
  const std::optional<std::string> reference = words.take_astring();
  words.take(' ');
  const std::optional<std::string> pattern = words.take_astring();
  if (!reference || !pattern) {
    return bad("Protocol Error: \"Expected a reference and a mailbox\".");
  }
  if (pattern->empty()) {
    return untagged(verb + " (\\Noselect) \"/\" \"\"") && done(verb);
  }
  // One mailbox: the patterns that match it are few.
  const std::string wanted = upper(*reference + *pattern);
  const std::size_t wildcard = std::min(wanted.find_first_of("*%"), wanted.size());
  const bool matches = std::string_view("INBOX").starts_with(wanted.substr(0, wildcard)) &&
                       (wildcard < wanted.size() || wanted == "INBOX");
  return (!matches || untagged(verb + " (\\HasNoChildren) \"/\" INBOX")) && done(verb);
}

bool ImapSession::name_space(ImapWords&) {
  return untagged("NAMESPACE ((\"\" \"/\")) NIL NIL") && done("NAMESPACE");
}

bool ImapSession::status(ImapWords& words) {
  if (!takes_inbox(words)) {
    return no("There is only INBOX here.");
  }
  const std::optional<std::vector<std::string>> items = words.take_atom_list();
  if (!items) {
    return bad("Protocol Error: \"Expected a list of items\".");
  }
  const std::vector<Message> messages = site_.mailbox.messages();
  const auto unseen = std::ranges::count_if(
      messages, [](const Message& message) { return (message.flags & kSeen) == 0; });
  std::string answer;
  for (const std::string& item : *items) {
    const std::string name = upper(item);
    const std::string value = name == "MESSAGES"      ? std::to_string(messages.size())
                              : name == "UNSEEN"      ? std::to_string(unseen)
                              : name == "UIDNEXT"     ? std::to_string(site_.mailbox.next_uid())
                              : name == "UIDVALIDITY" ? std::to_string(Mailbox::kUidValidity)
                                                      : "0";
    answer += (answer.empty() ? "" : " ") + name + " " + value;
  }
  return untagged("STATUS INBOX (" + answer + ")") && done("STATUS");
}

// APPEND INBOX [(flags)] ["date"] literal: the date is read and not kept.
bool ImapSession::append(ImapWords& words) {
  if (!takes_inbox(words)) {
    return no("[TRYCREATE] There is only INBOX here.");
  }
  Flags flags = 0;
  if (words.rest().starts_with('(')) {
    flags = flags_from(words.take_atom_list().value_or(std::vector<std::string>()));
    words.take(' ');
  }
  if (words.rest().starts_with('"')) {
    words.take_astring();
    words.take(' ');
  }
  std::optional<std::string> text =
      words.rest().starts_with('{') ? words.take_astring() : std::nullopt;
  if (!text || !words.at_end()) {
    return bad("Protocol Error: \"Expected a message\".");
  }
  const std::optional<std::uint32_t> uid =
      site_.mailbox.append(std::move(*text), flags, site_.options.now());
  if (!uid) {
    return no("[LIMIT] Mailbox full, or message too large.");
  }
  return announce(Expunges::hold) &&
         tagged("OK [APPENDUID " + std::to_string(Mailbox::kUidValidity) + " " +
                std::to_string(*uid) + "] APPEND completed.");
}

// RFC 2177: until DONE.
bool ImapSession::idle(ImapWords&) {
  if (!client_.send("+ IDLE accepted, awaiting DONE command.\r\n")) {
    return false;
  }
  while (!client_.wait(kIdleGlance)) {
    if (!announce(Expunges::announce)) {
      return false;
    }
  }
  const std::optional<std::string> line = client_.read_line(kLiteralBeforeLogin);
  if (!line) {
    return false;
  }
  return equals_ignoring_case(without_newline(*line), "DONE")
             ? done("IDLE")
             : bad("Protocol Error: \"Expected DONE\".");
}

bool ImapSession::subscribe(ImapWords&) { return done("SUBSCRIBE"); }

bool ImapSession::only_inbox(ImapWords&) { return no("[TRYCREATE] There is only INBOX here."); }

bool ImapSession::close(ImapWords&) {
  remove_deleted(std::nullopt);
  state_ = ImapState::authenticated;
  return done("CLOSE");
}

void serve_imap(Connection& client, LegacySite& site) { ImapSession(client, site).run(); }

}  // namespace postern::demo
