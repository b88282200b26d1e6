// Every value of the settings that is read from text: sizes, times, dates, networks, addresses, names.
// The input is the text, taken for each of them in turn.
//
// Invariants: nothing is read that lies outside its bounds; a value written out and read again is the
// same value; where there is none, the message says what was expected, in printable words.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/dates.h"
#include "conf/prefixes.h"
#include "conf/shares.h"
#include "conf/values.h"
#include "test/fuzz/demand.h"

using namespace postern::conf;
using postern::test::demand;

namespace {

// Whether there is a value; without one, whether the words say what was expected.
template <class T>
bool has_value(const Parsed<T>& parsed) {
  if (parsed.value) return true;
  demand(!parsed.expected.empty() && parsed.expected.size() < 500, "what was expected");
  for (const char c : parsed.expected) demand(c >= ' ' && c <= '~', "words to print");
  return false;
}

void check_numbers(std::string_view text) {
  constexpr std::size_t kMost = 1U << 30U;
  if (const auto count = parse_count(text, 1, kMost); has_value(count)) {
    demand(*count.value >= 1 && *count.value <= kMost, "a count's bounds");
    demand(std::to_string(*count.value) == text, "a count has one spelling");
  }
  if (const auto size = parse_size(text, 1, kMost); has_value(size)) {
    demand(*size.value >= 1 && *size.value <= kMost, "a size's bounds");
    demand(parse_size(size_text(*size.value), 1, kMost).value == size.value, "a size written out");
  }
  const std::chrono::milliseconds most = std::chrono::hours(24 * 365);
  if (const auto time = parse_time(text, std::chrono::milliseconds(1), most); has_value(time)) {
    demand(time.value->count() >= 1 && *time.value <= most, "a time's bounds");
    demand(
        parse_time(time_text(*time.value), std::chrono::milliseconds(1), most).value == time.value,
        "a time written out");
  }
  if (const auto share = parse_share(text); has_value(share)) {
    demand(share.value->value <= Share::kAll, "a share's bounds");
    demand(parse_share(share_text(*share.value)).value->value == share.value->value,
           "a share written out");
  }
}

void check_dates(std::string_view text) {
  if (const auto date = parse_date(text); has_value(date)) {
    demand(date_text(*date.value) == text, "a date has one spelling");
  }
  if (const auto moment = parse_moment(text); has_value(moment)) {
    demand(parse_moment(moment_text(*moment.value)).value == moment.value, "a moment written out");
  }
  if (const auto days = parse_days(text, 1, 10'000); has_value(days)) {
    demand(days.value->count() >= 1 && days.value->count() <= 10'000, "days' bounds");
  }
}

void check_networks(std::string_view text) {
  if (const auto prefix = parse_prefix(text); has_value(prefix)) {
    demand(prefix.value->length <= 128, "a prefix' length");
    demand(parse_prefix(prefix_text(*prefix.value)).value == prefix.value, "a network written out");
    demand(contains(*prefix.value, prefix.value->address), "a network's first address is in it");
    demand(covers(*prefix.value, *prefix.value), "a network covers itself");
  }
  if (const auto octets = parse_address_octets(text); has_value(octets)) {
    const auto ip = parse_ip(text);
    demand(ip.has_value() && parse_ip(*ip) == ip, "an address written out");
    demand(parse_address_octets(*ip).value == octets.value, "an address is one");
  }
  for (const auto& endpoint : {parse_listener_address(text), parse_server(text)}) {
    if (!has_value(endpoint)) continue;
    demand(endpoint.value->port != 0 && !endpoint.value->host.empty(), "an address and a port");
    const auto again = parse_server(endpoint_text(*endpoint.value));
    demand(again.value && endpoint_text(*again.value) == endpoint_text(*endpoint.value),
           "an endpoint written out");
  }
}

void check_names(std::string_view text) {
  for (const auto& name : {parse_host_name(text), parse_server_name(text)}) {
    if (!has_value(name)) continue;
    demand(name.value->size() <= 253 && name.value->find("..") == std::string::npos, "a host name");
    demand(parse_server_name(*name.value).value == name.value, "a host name written out");
  }
  if (const auto name = parse_name(text); has_value(name))
    demand(name.value->size() <= 64, "a name");
  if (const auto user = parse_user(text); has_value(user))
    demand(user.value->size() <= 32, "a user");
  if (const auto path = parse_path(text); has_value(path)) {
    demand(*path.value == text && text.find('\0') == std::string_view::npos, "a path");
  }
  if (const auto verb = parse_verb(text); has_value(verb)) {
    demand(verb.value->size() <= 32 && parse_verb(*verb.value).value == verb.value, "a verb");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 5'000));
  check_numbers(text);
  check_dates(text);
  check_networks(text);
  check_names(text);
  return 0;
}
