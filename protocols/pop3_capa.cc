// See pop3_capa.h.
#include "protocols/pop3_capa.h"

#include <algorithm>

#include "protocols/line_buffer.h"

namespace postern::protocols {

namespace {

constexpr std::string_view kBlanks = " \t";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return upper(x) == upper(y); });
}

// Takes the next word off the front; "" at the end.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const auto word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

// A mechanism that binds to the client's TLS, of which the backend knows nothing (RFC 5802 section
// 6; RFC 4422 appendix A).
bool cannot_pass(std::string_view mechanism) {
  constexpr std::string_view kPlus = "-PLUS";
  if (equal_ignoring_case(mechanism, "EXTERNAL")) return true;
  return mechanism.size() >= kPlus.size() &&
         equal_ignoring_case(mechanism.substr(mechanism.size() - kPlus.size()), kPlus);
}

// The SASL line with the mechanisms that can pass; "" where none is left of some.
std::string edited_sasl(std::string_view line) {
  const auto text = without_newline(line);
  auto rest = text;
  std::string kept(take_word(rest));
  bool some = false;
  bool removed = false;
  while (true) {
    const auto mechanism = take_word(rest);
    if (mechanism.empty()) break;
    if (cannot_pass(mechanism)) {
      removed = true;
      continue;
    }
    some = true;
    kept.append(" ").append(mechanism);
  }
  if (!removed) return std::string(line);
  if (!some) return {};
  return kept.append(line.substr(text.size()));
}

}  // namespace

std::string edit_pop3_capa(std::string_view reply, Pop3Offer offer) {
  constexpr std::string_view kStls = "STLS\r\n";
  std::string edited(take_line(reply));
  bool stls_due = offer.stls == Upgrade::offered;
  const bool hide_logins = offer.logins == CleartextLogins::not_offered;
  while (!reply.empty()) {
    const auto line = take_line(reply);
    auto text = without_newline(line);
    const bool last = text == ".";
    const auto keyword = take_word(text);
    const auto is = [&](std::string_view name) { return equal_ignoring_case(keyword, name); };
    if (stls_due && (last || is("STLS"))) {
      edited.append(kStls);
      stls_due = false;
    }
    if (is("STLS") || is("XCLIENT") || is("XOIP")) continue;
    if (hide_logins && (is("USER") || is("SASL") || is("APOP"))) continue;
    if (is("SASL")) {
      edited.append(edited_sasl(line));
    } else {
      edited.append(line);
    }
  }
  return edited;
}

std::string edit_pop3_auth_list(std::string_view reply) {
  std::string edited(take_line(reply));
  while (!reply.empty()) {
    const auto line = take_line(reply);
    auto text = without_newline(line);
    if (!cannot_pass(take_word(text))) edited.append(line);
  }
  return edited;
}

std::string without_apop_timestamp(std::string_view greeting) {
  std::string edited;
  while (true) {
    const auto start = greeting.find('<');
    const auto end = greeting.find('>', std::min(start, greeting.size()));
    if (end == std::string_view::npos) return edited.append(greeting);
    edited.append(greeting.substr(0, start));
    greeting.remove_prefix(end + 1);
  }
}

}  // namespace postern::protocols
