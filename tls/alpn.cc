// See alpn.h.
#include "tls/alpn.h"

#include <algorithm>
#include <array>

#include "tls/grease.h"

namespace postern::tls {

namespace {

// IANA's registry of ALPN protocol IDs, and the drafts' names that browsers used before.
constexpr std::array<std::string_view, 40> kRegistered = {
    "http/0.9", "http/1.0",    "http/1.1",    "spdy/1",      "spdy/2",
    "spdy/3",   "spdy/3.1",    "h2",          "h2c",         "h3",
    "h3-29",    "webrtc",      "c-webrtc",    "stun.turn",   "stun.nat-discovery",
    "ftp",      "imap",        "pop3",        "managesieve", "coap",
    "co",       "xmpp-client", "xmpp-server", "acme-tls/1",  "mqtt",
    "dot",      "doq",         "ntske/1",     "sunrpc",      "smb",
    "irc",      "nntp",        "nnsp",        "sip/2",       "tds/8.0",
    "dicom",    "postgresql",  "radius/1.0",  "radius/1.1",  "hq-interop"};

bool is_registered(std::string_view name) {
  return std::find(kRegistered.begin(), kRegistered.end(), name) != kRegistered.end();
}

}  // namespace

AlpnVerdict judge_alpn(const std::vector<std::string>& offered, std::string_view ours,
                       AlpnMode mode) {
  if (!ours.empty() && std::find(offered.begin(), offered.end(), ours) != offered.end()) {
    return AlpnVerdict::answer_ours;
  }
  if (mode == AlpnMode::off) return AlpnVerdict::go_on_without;
  bool others = false;
  for (const auto& name : offered) {
    if (is_registered(name)) {
      others = true;
    } else if (!is_grease(name)) {
      return AlpnVerdict::go_on_without;
    }
  }
  return others ? AlpnVerdict::refuse : AlpnVerdict::go_on_without;
}

}  // namespace postern::tls
