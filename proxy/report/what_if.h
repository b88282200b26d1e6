// `postern audit what-if`: who of those seen would be refused by the next settings? Each kind of
// login in the inventory is put to the same function that judges live ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/policy/policy.h"
#include "proxy/report/reader.h"

namespace postern::report {

struct WhatIfRequest {
  const conf::Settings* next = nullptr;
  policy::Moment at{};                // the moment that is asked about
  std::vector<std::uint16_t> suites;  // empty: any; else what the next server would take
};

enum class Outcome {
  refused,
  in_part,  // by refuse_share: some of the tries
  unknown,  // not to be told from what is kept
  gone,     // its listener is not in the next settings
  warned,
  allowed,
};
std::string_view name_of(Outcome outcome);

// Logins that are alike in all that a verdict could rest on.
struct SeenLogin {
  std::string user;
  bool user_is_hash = false;
  std::string listener;
  std::string address;
  std::string software;
  std::string security;
  std::string tls_version;
  std::string cipher;
  std::string versions;  // of its ClientHello, as fingerprint.versions; "" where it is not known
  std::string ciphers;
  std::string mechanism;
  std::int64_t successes = 0;
  std::int64_t failures = 0;
  std::int64_t refused = 0;
  Moment last{};
};

struct Judgement {
  Outcome outcome = Outcome::allowed;
  // Why: cleartext, tls_version, rule as in events; no_starttls, no_implicit_tls: the port no longer
  // speaks TLS in this way; suites: none in common; listener; "" where it is let in.
  std::string reason;
  std::string rule;                       // that matched, or `listener`
  conf::Place place;                      // of the key; line 0: a default
  conf::Share share;                      // with in_part
  std::string tls_version;                // that would be negotiated; "" in clear
  std::vector<std::string> reservations;  // why it may come otherwise for some of them
};

// The highest version that its ClientHello offered, else the one negotiated: "1.2".
std::string best_version(const SeenLogin& login);

// Pure.
Judgement judge(const WhatIfRequest& request, const SeenLogin& login);

struct WhatIfRow {
  SeenLogin login;
  Judgement judgement;
  // Refused, but the same user with the same program, or the same device, has logged in in a way that
  // stays allowed.
  bool has_shown_better = false;
};

// All kinds of login seen, the refused ones first. Ask reader.error() afterwards.
std::vector<WhatIfRow> ask_what_if(Reader& reader, const WhatIfRequest& request);

// The rows as a report. At most `most_rows` a section.
Report what_if_report(Reader& reader, const WhatIfRequest& request, const Filter& filter,
                      const std::string& inventory, std::size_t most_rows);

}  // namespace postern::report
