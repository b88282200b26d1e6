// The section `refusal`.
#include "conf/refusal_section.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "conf/keys.h"

namespace postern::conf {
namespace {

// Graphic ASCII, and spaces where they may stand; it goes into a line of the protocol as it is.
bool is_plain(std::string_view text, char lowest) {
  return text.size() <= kLongestRefusal &&
         std::all_of(text.begin(), text.end(), [&](char c) { return c >= lowest && c <= '~'; });
}

Parsed<std::string> parse_refusal_text(std::string_view text) {
  if (is_plain(text, ' ')) return {std::string(text), ""};
  return {{}, "at most 160 characters of printable ASCII on one line"};
}

Parsed<std::string> parse_help_url(std::string_view text) {
  const bool is_url =
      (text.starts_with("https://") && text.size() > std::string_view("https://").size()) ||
      (text.starts_with("http://") && text.size() > std::string_view("http://").size());
  if (text.empty() || (is_url && is_plain(text, '!'))) return {std::string(text), ""};
  return {{}, "an http:// or https:// address of at most 160 characters of printable ASCII"};
}

}  // namespace

void read_refusal(const Value& value, Refusal& refusal) {
  const auto fields = value.fields("a mapping with text and help_url", kRefusalKeys);
  if (!fields) return;
  fields->read("text", parse_refusal_text, refusal.text);
  fields->read("help_url", parse_help_url, refusal.help_url);
}

}  // namespace postern::conf
