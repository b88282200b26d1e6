// What an IMAP session of the legacy mail server does with messages: EXPUNGE, SEARCH, FETCH, STORE
// and their UID forms, and what it tells the client about changes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/demo/imap_fetch.h"
#include "proxy/demo/imap_session.h"
#include "proxy/demo/words.h"

namespace postern::demo {

bool ImapSession::expunge(ImapWords&) {
  remove_deleted(std::nullopt);
  return announce(Expunges::announce) && done("EXPUNGE");
}

void ImapSession::remove_deleted(const std::optional<ImapSet>& only) {
  std::vector<std::uint32_t> uids;
  const std::uint32_t last = view_.empty() ? 0 : view_.back();
  for (const Message& message : site_.mailbox.messages()) {
    if ((message.flags & kDeleted) != 0 && (!only || only->contains(message.uid, last))) {
      uids.push_back(message.uid);
    }
  }
  if (is_writable()) {
    site_.mailbox.remove(uids);
  }
}

// Tells the client what has changed since it last heard: messages gone, and new ones.
bool ImapSession::announce(Expunges expunges) {
  if (state_ != ImapState::selected) {
    return true;
  }
  std::vector<std::uint32_t> now;
  for (const Message& message : site_.mailbox.messages()) {
    now.push_back(message.uid);
  }
  for (std::size_t index = view_.size(); index > 0 && expunges == Expunges::announce; --index) {
    if (!std::ranges::binary_search(now, view_[index - 1])) {
      view_.erase(view_.begin() + static_cast<std::ptrdiff_t>(index) - 1);
      if (!untagged(std::to_string(index) + " EXPUNGE")) {
        return false;
      }
    }
  }
  const std::size_t known = view_.size();
  const std::uint32_t last = view_.empty() ? 0 : view_.back();
  std::ranges::copy_if(now, std::back_inserter(view_),
                       [&](std::uint32_t number) { return number > last; });
  return view_.size() == known || untagged(std::to_string(view_.size()) + " EXISTS");
}

std::vector<ImapSession::Numbered> ImapSession::chosen(const ImapSet& set, Numbers numbers) const {
  std::vector<Numbered> result;
  const std::vector<Message> messages = site_.mailbox.messages();
  const auto last = static_cast<std::uint32_t>(view_.size());
  for (std::uint32_t number = 1; number <= last; ++number) {
    const std::uint32_t uid = view_[number - 1];
    const bool is_named =
        numbers == Numbers::uid ? set.contains(uid, view_.back()) : set.contains(number, last);
    const auto found = std::ranges::lower_bound(messages, uid, {}, &Message::uid);
    if (is_named && found != messages.end() && found->uid == uid) {
      result.push_back({.number = number, .message = *found});
    }
  }
  return result;
}

// ALL, a set, UID and a set, and the words about flags; all of them must be true of a message.
bool ImapSession::search_by(ImapWords& words, Numbers numbers) {
  constexpr std::array<std::pair<std::string_view, Flags>, 5> kWords = {{{"SEEN", kSeen},
                                                                         {"ANSWERED", kAnswered},
                                                                         {"FLAGGED", kFlagged},
                                                                         {"DELETED", kDeleted},
                                                                         {"DRAFT", kDraft}}};
  std::vector<Numbered> found = chosen(*ImapSet::parse("1:*"), Numbers::sequence);
  const auto keep = [&](auto&& is_wanted) {
    std::erase_if(found, [&](const Numbered& one) { return !is_wanted(one); });
  };
  while (std::optional<std::string> word = words.take_atom()) {
    *word = upper(*word);
    words.take(' ');
    const bool is_uid = *word == "UID";
    const auto set = ImapSet::parse(is_uid ? words.take_atom().value_or("") : *word);
    const bool is_not = word->starts_with("UN");
    const auto* flag = std::ranges::find(kWords, std::string_view(*word).substr(is_not ? 2 : 0),
                                         &std::pair<std::string_view, Flags>::first);
    if (set) {
      const std::uint32_t last_uid = view_.empty() ? 0 : view_.back();
      keep([&](const Numbered& one) {
        return is_uid ? set->contains(one.message.uid, last_uid)
                      : set->contains(one.number, static_cast<std::uint32_t>(view_.size()));
      });
    } else if (flag != kWords.end()) {
      keep(
          [&](const Numbered& one) { return ((one.message.flags & flag->second) != 0) != is_not; });
    } else if (*word != "ALL") {
      return bad("Protocol Error: \"This search key is not known here\".");
    }
    words.take(' ');
  }
  if (!words.at_end()) {
    return bad("Protocol Error: \"This search key is not known here\".");
  }
  std::string answer = "SEARCH";
  for (const Numbered& one : found) {
    answer += fmt::format(" {}", numbers == Numbers::uid ? one.message.uid : one.number);
  }
  return untagged(answer) && announce(Expunges::hold) && done("SEARCH");
}

bool ImapSession::fetch_by(ImapWords& words, Numbers numbers) {
  const std::optional<ImapSet> set = ImapSet::parse(words.take_atom().value_or(""));
  words.take(' ');
  std::optional<std::vector<FetchItem>> items = parse_fetch(words);
  if (!set || !items) {
    return bad("Protocol Error: \"This cannot be fetched\".");
  }
  const auto has = [&](FetchItem::What what) {
    return std::ranges::find(*items, what, &FetchItem::what) != items->end();
  };
  FetchItem extra;
  if (numbers == Numbers::uid && !has(FetchItem::What::uid)) {  // RFC 3501 6.4.8
    extra.what = FetchItem::What::uid;
    extra.name = "UID";
    items->insert(items->begin(), extra);
  }
  const bool sets_seen = std::ranges::any_of(
      *items, [](const FetchItem& item) { return item.effect == FetchItem::Effect::sets_seen; });
  for (Numbered& one : chosen(*set, numbers)) {
    std::vector<FetchItem> answered = *items;
    if (sets_seen && is_writable() && (one.message.flags & kSeen) == 0) {
      one.message.flags |= kSeen;
      site_.mailbox.set_flags(one.message.uid, one.message.flags);
      if (!has(FetchItem::What::flags)) {
        extra.what = FetchItem::What::flags;
        extra.name = "FLAGS";
        answered.push_back(extra);
      }
    }
    if (!untagged(std::to_string(one.number) + " FETCH (" + fetch_answer(one.message, answered) +
                  ")")) {
      return false;
    }
  }
  return announce(Expunges::hold) && done("FETCH");
}

bool ImapSession::store_by(ImapWords& words, Numbers numbers) {
  const std::optional<ImapSet> set = ImapSet::parse(words.take_atom().value_or(""));
  words.take(' ');
  const std::string item = upper(words.take_atom().value_or(""));
  words.take(' ');
  const bool is_adding = item.starts_with('+');
  const bool is_taking = item.starts_with('-');
  const std::string_view what = std::string_view(item).substr(is_adding || is_taking ? 1 : 0);
  std::vector<std::string> names;
  if (words.rest().starts_with('(')) {
    names = words.take_atom_list().value_or(names);
  } else if (const std::optional<std::string> name = words.take_atom()) {
    names.push_back(*name);
  }
  if (!set || (what != "FLAGS" && what != "FLAGS.SILENT") || !words.at_end()) {
    return bad("Protocol Error: \"This cannot be stored\".");
  }
  if (!is_writable()) {
    return no("The mailbox was opened with EXAMINE.");
  }
  const Flags given = flags_from(names);
  for (const auto& [number, message] : chosen(*set, numbers)) {
    const Flags flags = is_adding   ? message.flags | given
                        : is_taking ? message.flags & ~given
                                    : given;
    site_.mailbox.set_flags(message.uid, flags);
    const std::string uid =
        numbers == Numbers::uid ? " UID " + std::to_string(message.uid) : std::string();
    if (what == "FLAGS" &&
        !untagged(std::to_string(number) + " FETCH (FLAGS " + flags_text(flags) + uid + ")")) {
      return false;
    }
  }
  return announce(Expunges::hold) && done("STORE");
}

bool ImapSession::uid(ImapWords& words) {
  const std::string verb = upper(words.take_atom().value_or(""));
  words.take(' ');
  if (verb == "FETCH") {
    return fetch_by(words, Numbers::uid);
  }
  if (verb == "STORE") {
    return store_by(words, Numbers::uid);
  }
  if (verb == "SEARCH") {
    return search_by(words, Numbers::uid);
  }
  if (verb == "COPY") {
    return only_inbox(words);
  }
  const std::optional<ImapSet> set = ImapSet::parse(words.take_atom().value_or(""));
  if (verb != "EXPUNGE" || !set) {  // RFC 4315 2.1
    return bad("Protocol Error: \"Unidentifiable command specified\".");
  }
  remove_deleted(set);
  return announce(Expunges::announce) && done("EXPUNGE");
}

}  // namespace postern::demo
