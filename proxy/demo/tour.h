// The guided tour of `postern demo`: a mail client that shows, from outside and over real sockets,
// what postern does, and checks each step.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "proxy/demo/transcript.h"

namespace postern::demo {

// Ports on 127.0.0.1. imap, pop3 and submission are listeners with `tls: required`, imaps and pop3s
// with `tls: implicit`; imap_observed allows logins in clear text, and only records them.
struct TourPorts {
  std::uint16_t imap = 0;
  std::uint16_t imaps = 0;
  std::uint16_t pop3 = 0;
  std::uint16_t pop3s = 0;
  std::uint16_t submission = 0;
  std::uint16_t imap_observed = 0;
};

struct TourSetting {
  TourPorts ports;
  std::string server_name;  // what the certificate has to say
  std::string trusted_pem;  // the certificate
  std::string user;
  std::string password;
  std::string address;  // the user's, that mail can be sent to
  // Gives the audit log as it is now, JSON lines; called several times, since lines may come late.
  std::function<std::string()> audit_lines;
  // Gives what `postern audit report` says now of who still logs in in clear text; called several
  // times, as above.
  std::function<std::string()> cleartext_report;
};

// Plays the tour and prints it, each line as it happens; passwords are shown as ***. Whether every
// step did what it should. Blocks for a second or so; every wait has a limit. Never throws.
bool tour(const TourSetting& setting, std::ostream& out, Look look);

}  // namespace postern::demo
