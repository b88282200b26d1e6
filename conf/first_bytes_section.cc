// See first_bytes_section.h.
#include "conf/first_bytes_section.h"

#include <chrono>
#include <string>
#include <string_view>

#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

using std::chrono::milliseconds;

// Each greeting in clear waits as long.
constexpr milliseconds kLongestWait{10'000};

}  // namespace

void read_first_bytes(const Fields& fields, Listener& listener, ListenerPlaces& places) {
  places.auto_wait = fields.read(
      "auto_wait",
      [](std::string_view text) { return parse_time(text, milliseconds(0), kLongestWait); },
      listener.auto_wait);
}

void check_first_bytes(const Draft& draft, std::size_t listener, Findings& findings) {
  const TlsMode mode = draft.settings.listeners[listener].tls_mode;
  const ListenerPlaces& places = draft.listeners[listener];
  if (!is_stated(places.tls_mode)) return;
  if (is_stated(places.auto_wait) && mode != TlsMode::automatic)
    findings.warning(places.auto_wait, "auto_wait never acts with `tls: " +
                                           std::string(word(mode)) + "`; expected it with `auto`");
}

}  // namespace postern::conf
