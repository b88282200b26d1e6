// What FETCH gives of a message (RFC 3501 6.4.5 and 7.4.2): items from text, answers from messages.
// Every message counts as one part of plain text, which is enough to read the demonstration's mail.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/demo/imap_command.h"
#include "proxy/demo/mailbox.h"

namespace postern::demo {

struct FetchItem {
  enum class What { flags, uid, size, date, envelope, structure, content };
  enum class Part { whole, header, text, fields, other_fields };
  enum class Effect { sets_seen, peeks };

  What what = What::flags;
  std::string name;                  // as it stands in the answer
  Part part = Part::whole;           // of content
  std::vector<std::string> fields;   // of Part::fields and other_fields
  Effect effect = Effect::peeks;     // of content
  std::optional<std::size_t> first;  // of content "<first.most>"
  std::size_t most = 0;
};

// The items of a FETCH command: one, a list of them, or a macro; none where it can't be read.
std::optional<std::vector<FetchItem>> parse_fetch(ImapWords& words);

// "FLAGS (\Seen) UID 4 …": what stands between the parentheses of the answer.
std::string fetch_answer(const Message& message, const std::vector<FetchItem>& items);

// "(\Seen \Deleted)".
std::string flags_text(Flags flags);
// Names of flags, in any case; those that are not kept are ignored.
Flags flags_from(const std::vector<std::string>& names);

}  // namespace postern::demo
