// See imap_capability.h.
#include "protocols/imap_capability.h"

#include <algorithm>

#include "protocols/imap_lexer.h"

namespace postern::protocols {

namespace {

constexpr std::string_view kUpgrade = "STARTTLS";
constexpr std::string_view kLoginDisabled = "LOGINDISABLED";

// What a list should say in the end.
struct Wanted {
  bool upgrade;
  bool login_disabled_added;
  bool login_disabled_kept;
  bool mechanisms;
};

Wanted wanted(const Conditions& conditions, ListMoment moment) {
  const bool clear = conditions.transport == Transport::cleartext;
  const bool before = moment == ListMoment::before_login;
  const bool no_logins =
      clear && before && conditions.cleartext_logins == CleartextLogins::not_offered;
  return {clear && before && conditions.upgrade == Upgrade::offered, no_logins, clear, !no_logins};
}

bool is_mechanism(std::string_view word) { return starts_ignoring_case(word, "AUTH="); }

bool stays(std::string_view word, const Wanted& want) {
  if (equals_ignoring_case(word, kUpgrade)) return want.upgrade;
  if (equals_ignoring_case(word, kLoginDisabled)) return want.login_disabled_kept;
  if (is_mechanism(word)) {
    return want.mechanisms && !equals_ignoring_case(word, "AUTH=EXTERNAL") &&
           !(word.size() > 5 && equals_ignoring_case(word.substr(word.size() - 5), "-PLUS"));
  }
  return !equals_ignoring_case(word, "LOGIN-REFERRALS") &&
         !equals_ignoring_case(word, "MAILBOX-REFERRALS") &&
         !equals_ignoring_case(word, "UNAUTHENTICATE");
}

}  // namespace

std::string edit_capabilities(std::string_view list, const Conditions& conditions,
                              ListMoment moment) {
  const auto want = wanted(conditions, moment);
  std::string edited;
  bool has_upgrade = false;
  bool has_login_disabled = false;
  while (true) {
    const auto word_at = std::min(list.find_first_not_of(' '), list.size());
    const auto word_end = std::min(list.find(' ', word_at), list.size());
    const auto word = list.substr(word_at, word_end - word_at);
    if (word.empty()) break;
    if (stays(word, want)) edited += list.substr(0, word_end);
    has_upgrade |= equals_ignoring_case(word, kUpgrade);
    has_login_disabled |= equals_ignoring_case(word, kLoginDisabled);
    list.remove_prefix(word_end);
  }
  if (want.upgrade && !has_upgrade) edited.append(" ").append(kUpgrade);
  if (want.login_disabled_added && !has_login_disabled) edited.append(" ").append(kLoginDisabled);
  edited += list;  // spaces at the end
  return edited;
}

}  // namespace postern::protocols
