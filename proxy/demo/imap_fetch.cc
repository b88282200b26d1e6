// Items and answers of FETCH, see imap_fetch.h.
#include "proxy/demo/imap_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/demo/words.h"

namespace postern::demo {
namespace {

using What = FetchItem::What;
using Part = FetchItem::Part;
using Effect = FetchItem::Effect;

constexpr std::array<std::pair<std::string_view, Flags>, 5> kFlagNames = {{
    {"\\Seen", kSeen},
    {"\\Answered", kAnswered},
    {"\\Flagged", kFlagged},
    {"\\Deleted", kDeleted},
    {"\\Draft", kDraft},
}};

// A quoted string where that can hold it, else a literal.
std::string string_of(std::string_view text) {
  const bool fits = std::ranges::all_of(text, [](char octet) {
    return octet >= ' ' && octet < 0x7f && octet != '"' && octet != '\\';
  });
  return fits ? "\"" + std::string(text) + "\"" : fmt::format("{{{}}}\r\n{}", text.size(), text);
}

std::size_t header_size(std::string_view message) {
  const std::size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message.size() : end + 4;
}

// The next header field, folded lines included (RFC 5322 2.2.3), off the front of `header`.
std::string_view take_field(std::string_view& header) {
  std::size_t end = 0;
  do {
    end = header.find('\n', end);
    end = end == std::string_view::npos ? header.size() : end + 1;
  } while (end < header.size() && (header[end] == ' ' || header[end] == '\t'));
  const std::string_view field = header.substr(0, end);
  header.remove_prefix(end);
  return field;
}

std::string chosen_fields(std::string_view header, const FetchItem& item) {
  std::string chosen;
  while (!header.empty()) {
    const std::string_view field = take_field(header);
    if (without_newline(field).empty()) {
      break;
    }
    const std::string_view name = field.substr(0, field.find(':'));
    const bool is_named = std::ranges::any_of(
        item.fields, [&](const std::string& wanted) { return equals_ignoring_case(wanted, name); });
    chosen += is_named == (item.part == Part::fields) ? field : "";
  }
  return chosen + "\r\n";
}

// A field's value, unfolded, or none.
std::optional<std::string> value_of(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    std::string_view field = take_field(header);
    if (!equals_ignoring_case(field.substr(0, field.find(':')), name)) {
      continue;
    }
    field.remove_prefix(std::min(name.size() + 1, field.size()));
    std::string value(field);
    std::erase_if(value, [](char octet) { return octet == '\r' || octet == '\n'; });
    const std::size_t begin = std::min(value.find_first_not_of(" \t"), value.size());
    return value.substr(begin);
  }
  return std::nullopt;
}

std::string nstring(const std::optional<std::string>& text) {
  return text ? string_of(*text) : "NIL";
}

// One address, "Name <box@host>" or "box@host", as ENVELOPE wants it.
std::string address_of(std::string_view text) {
  std::string name;
  std::string_view address = text;
  if (const std::size_t open = text.find('<'); open != std::string_view::npos) {
    name = text.substr(0, open);
    std::erase(name, '"');
    name.erase(std::min(name.find_last_not_of(' ') + 1, name.size()));
    address = text.substr(open + 1, text.find('>', open) - open - 1);
  }
  const std::size_t at = std::min(address.rfind('@'), address.size());
  const std::string_view host = address.substr(std::min(at + 1, address.size()));
  return fmt::format("({} NIL {} {})", name.empty() ? "NIL" : string_of(name),
                     string_of(address.substr(0, at)), string_of(host));
}

std::string addresses_of(const std::optional<std::string>& value) {
  if (!value || value->empty()) {
    return "NIL";
  }
  std::string list = "(";
  bool is_quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= value->size(); ++at) {
    is_quoted ^= at < value->size() && (*value)[at] == '"';
    if (at == value->size() || ((*value)[at] == ',' && !is_quoted)) {
      std::string_view one = std::string_view(*value).substr(begin, at - begin);
      one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
      list += address_of(one);
      begin = at + 1;
    }
  }
  return list + ")";
}

std::string envelope_of(std::string_view message) {
  const std::string_view header = message.substr(0, header_size(message));
  const std::string from = addresses_of(value_of(header, "From"));
  // RFC 3501 7.4.2: Sender and Reply-To are From's where they are missing.
  const auto or_from = [&](std::string_view name) {
    const std::string list = addresses_of(value_of(header, name));
    return list == "NIL" ? from : list;
  };
  return "(" + nstring(value_of(header, "Date")) + " " + nstring(value_of(header, "Subject")) +
         " " + from + " " + or_from("Sender") + " " + or_from("Reply-To") + " " +
         addresses_of(value_of(header, "To")) + " " + addresses_of(value_of(header, "Cc")) + " " +
         addresses_of(value_of(header, "Bcc")) + " " + nstring(value_of(header, "In-Reply-To")) +
         " " + nstring(value_of(header, "Message-ID")) + ")";
}

std::string structure_of(std::string_view message) {
  const std::string_view body = message.substr(header_size(message));
  return "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"8BIT\" " +
         std::to_string(body.size()) + " " + std::to_string(std::ranges::count(body, '\n')) + ")";
}

std::string content_of(const std::string& message, const FetchItem& item) {
  const std::size_t header = header_size(message);
  std::string content;
  switch (item.part) {
    case Part::whole:
      content = message;
      break;
    case Part::header:
      content = message.substr(0, header);
      break;
    case Part::text:
      content = message.substr(header);
      break;
    case Part::fields:
    case Part::other_fields:
      content = chosen_fields(std::string_view(message).substr(0, header), item);
      break;
  }
  if (item.first) {
    content = content.substr(std::min(*item.first, content.size()), item.most);
  }
  return fmt::format("{{{}}}\r\n{}", content.size(), content);
}

// "BODY[" has been taken: what stands up to "]", and a "<first.most>" behind it.
bool parse_section(ImapWords& words, FetchItem& item) {
  std::string section;
  while (!words.at_end() && !words.rest().starts_with(']') && !words.rest().starts_with('(') &&
         !words.rest().starts_with(' ')) {
    section += words.rest().front();
    words.take(words.rest().front());
  }
  section = upper(section);
  if (section == "HEADER.FIELDS" || section == "HEADER.FIELDS.NOT") {
    words.take(' ');
    // A list of field names; take_atom_list() would run into "]".
    const std::string_view rest = words.rest();
    const std::size_t end = rest.find(')');
    if (!rest.starts_with('(') || end == std::string_view::npos) {
      return false;
    }
    ImapWords list(rest.substr(0, end + 1));
    item.fields = list.take_atom_list().value_or(std::vector<std::string>());
    section += " " + std::string(rest.substr(0, end + 1));
    words = ImapWords(rest.substr(end + 1));
    item.part = section.starts_with("HEADER.FIELDS.NOT") ? Part::other_fields : Part::fields;
  } else if (section == "HEADER") {
    item.part = Part::header;
  } else if (section == "TEXT" || section == "1") {
    item.part = Part::text;
  } else if (!section.empty()) {
    return false;
  }
  item.name = "BODY[" + section + "]";
  if (!words.take(']')) {
    return false;
  }
  if (words.take('<')) {
    const std::string_view range = words.rest().substr(0, words.rest().find('>'));
    const std::size_t dot = std::min(range.find('.'), range.size());
    const long first = number_from(range.substr(0, dot));
    const long most = dot < range.size() ? number_from(range.substr(dot + 1)) : -1;
    words = ImapWords(words.rest().substr(range.size()));
    if (first < 0 || most < 1 || !words.take('>')) {
      return false;
    }
    item.first = static_cast<std::size_t>(first);
    item.most = static_cast<std::size_t>(most);
    item.name += fmt::format("<{}>", first);
  }
  return true;
}

FetchItem simple_item(What what, std::string name) {
  FetchItem item;
  item.what = what;
  item.name = std::move(name);
  return item;
}

std::vector<FetchItem> macro(std::string_view name) {
  std::vector<FetchItem> items = {simple_item(What::flags, "FLAGS"),
                                  simple_item(What::date, "INTERNALDATE"),
                                  simple_item(What::size, "RFC822.SIZE")};
  if (name != "FAST") {
    items.push_back(simple_item(What::envelope, "ENVELOPE"));
  }
  if (name == "FULL") {
    items.push_back(simple_item(What::structure, "BODY"));
  }
  return items;
}

// One item whose name has been read up to a space, a parenthesis or "[".
std::optional<FetchItem> parse_item(ImapWords& words) {
  std::string name;
  while (!words.at_end() &&
         std::string_view(" ()[").find(words.rest().front()) == std::string::npos) {
    name += words.rest().front();
    words.take(words.rest().front());
  }
  name = upper(name);
  FetchItem item = simple_item(What::content, name);
  if ((name == "BODY" || name == "BODY.PEEK") && words.take('[')) {
    item.effect = name == "BODY" ? Effect::sets_seen : Effect::peeks;
    return parse_section(words, item) ? std::optional(item) : std::nullopt;
  }
  if (name == "RFC822" || name == "RFC822.TEXT" || name == "RFC822.HEADER") {
    item.part = name == "RFC822" ? Part::whole : name == "RFC822.TEXT" ? Part::text : Part::header;
    item.effect = name == "RFC822.HEADER" ? Effect::peeks : Effect::sets_seen;
    return item;
  }
  constexpr std::array<std::pair<std::string_view, What>, 7> kSimple = {{
      {"FLAGS", What::flags},
      {"UID", What::uid},
      {"RFC822.SIZE", What::size},
      {"INTERNALDATE", What::date},
      {"ENVELOPE", What::envelope},
      {"BODY", What::structure},
      {"BODYSTRUCTURE", What::structure},
  }};
  const auto* found = std::ranges::find(kSimple, name, &std::pair<std::string_view, What>::first);
  if (found == kSimple.end()) {
    return std::nullopt;
  }
  item.what = found->second;
  return item;
}

std::string value_of(const Message& message, const FetchItem& item) {
  switch (item.what) {
    case What::flags:
      return flags_text(message.flags);
    case What::uid:
      return std::to_string(message.uid);
    case What::size:
      return std::to_string(message.text->size());
    case What::date:
      return "\"" + imap_date(message.received) + "\"";
    case What::envelope:
      return envelope_of(*message.text);
    case What::structure:
      return structure_of(*message.text);
    case What::content:
      return content_of(*message.text, item);
  }
  return "NIL";
}

}  // namespace

std::optional<std::vector<FetchItem>> parse_fetch(ImapWords& words) {
  const std::string whole = upper(words.rest());
  if (whole == "ALL" || whole == "FAST" || whole == "FULL") {
    return macro(whole);
  }
  std::vector<FetchItem> items;
  const bool is_list = words.take('(');
  do {
    std::optional<FetchItem> item = parse_item(words);
    if (!item) {
      return std::nullopt;
    }
    items.push_back(std::move(*item));
  } while (is_list && words.take(' '));
  if ((is_list && !words.take(')')) || !words.at_end()) {
    return std::nullopt;
  }
  return items;
}

std::string fetch_answer(const Message& message, const std::vector<FetchItem>& items) {
  std::string answer;
  for (const FetchItem& item : items) {
    answer += (answer.empty() ? "" : " ") + item.name + " " + value_of(message, item);
  }
  return answer;
}

std::string flags_text(Flags flags) {
  std::string text;
  for (const auto& [name, flag] : kFlagNames) {
    if ((flags & flag) != 0) {
      text += (text.empty() ? "" : " ") + std::string(name);
    }
  }
  return fmt::format("({})", text);
}

Flags flags_from(const std::vector<std::string>& names) {
  Flags flags = 0;
  for (const auto& [name, flag] : kFlagNames) {
    const bool is_there = std::ranges::any_of(names, [wanted = name](const std::string& given) {
      return equals_ignoring_case(given, wanted);
    });
    flags |= is_there ? flag : 0;
  }
  return flags;
}

}  // namespace postern::demo
