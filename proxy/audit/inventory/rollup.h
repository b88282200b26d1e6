// What a batch of events comes to: rows of the inventory's tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/audit/events.h"

namespace postern::audit::inventory {

// Ends each column of a row's key; no column holds it.
inline constexpr char kEndOfColumn = '\0';

// The counts of a row, in the order of its table; tables that have only one use the first.
struct Tally {
  std::array<std::int64_t, 5> counts{};  // of login: successes, failures, refused, warned, exposed
  std::int64_t first_seen = 0;           // milliseconds since 1970
  std::int64_t last_seen = 0;
};

// Rows of a table by their key: its columns up to the counts, as text, each with its kEndOfColumn.
using Rows = std::unordered_map<std::string, Tally>;

struct Fingerprint {
  // JSON arrays as the table has them; all are "" where no ClientHello came with the events.
  std::string versions;
  std::string ciphers;
  std::string curves;
  std::string signature_algorithms;
  bool is_of_login = false;  // else of failed handshakes only
  std::int64_t first_seen = 0;
  std::int64_t last_seen = 0;
};

struct Gap {
  std::int64_t time;
  std::string node;
  std::string reason;
  std::int64_t lost;
};

struct RunMark {
  enum class Kind { start, stop } kind;
  std::int64_t time;
  std::string node;
};

// Whether an event adds to the inventory at all.
bool is_for_inventory(const Event& event);

// Its size is bounded by how many events are added. The same events give the same rows, live or read
// back from their JSON lines.
struct Rollup {
  // `node`: observer.name.
  void add(const Event& event, std::string_view node);
  bool is_empty() const { return events == 0; }

  std::size_t events = 0;  // that it is made of
  Rows logins;
  Rows handshake_failures;
  Rows abandoned;
  std::unordered_map<std::string, Fingerprint> fingerprints;  // by JA4
  std::vector<Gap> gaps;
  std::vector<RunMark> run_marks;
};

}  // namespace postern::audit::inventory
