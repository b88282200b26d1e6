// One IMAP session of the legacy mail server: its states and its commands. See legacy_imap.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/demo/imap_command.h"
#include "proxy/demo/legacy_server.h"

namespace postern::demo {

enum class ImapState { not_authenticated, authenticated, selected };
enum class Expunges { announce, hold };  // RFC 3501 7.4.1: held during FETCH, STORE and SEARCH
enum class Numbers { sequence, uid };

// One client, from greeting to farewell, on its own thread. Commands about the session and the
// mailbox are in legacy_imap.cc, those about messages in imap_messages.cc.
class ImapSession {
 public:
  ImapSession(Connection& client, LegacySite& site) : client_(client), site_(site) {}

  void run();

 private:
  struct Row;
  // Each gives false to end the session.
  bool obey(std::string_view command);
  bool capability(ImapWords& words);
  bool noop(ImapWords& words);
  bool log_out(ImapWords& words);
  bool log_in(ImapWords& words);
  bool select(ImapWords& words) { return open(words, "SELECT"); }
  bool examine(ImapWords& words) { return open(words, "EXAMINE"); }
  bool list(ImapWords& words) { return list_as(words, "LIST"); }
  bool lsub(ImapWords& words) { return list_as(words, "LSUB"); }
  bool name_space(ImapWords& words);
  bool status(ImapWords& words);
  bool append(ImapWords& words);
  bool idle(ImapWords& words);
  bool subscribe(ImapWords& words);
  bool only_inbox(ImapWords& words);
  bool close(ImapWords& words);
  bool expunge(ImapWords& words);
  bool search(ImapWords& words) { return search_by(words, Numbers::sequence); }
  bool fetch(ImapWords& words) { return fetch_by(words, Numbers::sequence); }
  bool store(ImapWords& words) { return store_by(words, Numbers::sequence); }
  bool uid(ImapWords& words);

  bool open(ImapWords& words, const std::string& verb);
  bool list_as(ImapWords& words, const std::string& verb);
  bool search_by(ImapWords& words, Numbers numbers);
  bool fetch_by(ImapWords& words, Numbers numbers);
  bool store_by(ImapWords& words, Numbers numbers);

  bool untagged(std::string_view text) { return client_.send("* " + std::string(text) + "\r\n"); }
  bool tagged(std::string_view text) {
    return client_.send(tag_ + " " + std::string(text) + "\r\n");
  }
  bool done(const std::string& verb) { return tagged("OK " + verb + " completed."); }
  bool no(std::string_view text) { return tagged("NO " + std::string(text)); }
  bool bad(std::string_view text);
  bool announce(Expunges expunges);
  bool takes_inbox(ImapWords& words);
  bool is_writable() const { return state_ == ImapState::selected && verb_of_open_ == "SELECT"; }
  void remove_deleted(const std::optional<ImapSet>& only);
  // The selected messages, as they are now, that `set` names; a message keeps its number until
  // announce() has told the client that an earlier one is gone.
  struct Numbered {
    std::uint32_t number;
    Message message;
  };
  std::vector<Numbered> chosen(const ImapSet& set, Numbers numbers) const;

  Connection& client_;
  LegacySite& site_;
  ImapState state_ = ImapState::not_authenticated;
  std::string tag_;
  std::string verb_of_open_;
  std::vector<std::uint32_t> view_;  // unique identifiers, by what the client knows as numbers
  int errors_ = 0;
};

}  // namespace postern::demo
