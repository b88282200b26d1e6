// The readers of the audit log's lines: `audit verify` (the chain), `audit import` (events read back)
// and `audit tail` (lines for people). The input is a log as somebody may have damaged it, line by line;
// its last line's octets make events of their own, whose log is right, and is then damaged in one place.
//
// Invariants: whatever the lines hold, each is read to its end, and what people get to see of it is one
// printable line; an event read back gives the same rows of the inventory as the event itself; a log
// that was not touched verifies, and one with a changed, missing or repeated line does not.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/audit/chain.h"
#include "proxy/audit/event_json.h"
#include "proxy/audit/inventory/import.h"
#include "proxy/audit/inventory/rollup.h"
#include "proxy/report/tail.h"
#include "test/fuzz/demand.h"
#include "test/proxy/audit/every_event.h"

using namespace postern;
using test::demand;

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < 64) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  return lines;
}

void read(const std::vector<std::string_view>& lines) {
  audit::ChainVerifier verifier;
  audit::inventory::LineReader reader;
  audit::inventory::Rollup rollup;
  for (const auto line : lines) {
    if (const auto fault = verifier.feed(line)) {
      demand(fault->line == verifier.lines() && !fault->what.empty(), "a fault has its line");
      for (const char c : fault->what) demand(c >= ' ' && c <= '~', "a fault is printable");
    }
    const auto shown = report::readable_line(line);
    for (const char c : shown)
      demand(c != '\n' && c != '\r' && c != '\x1b' && c != '\0', "one line");
    const auto event = reader.read(line);
    if (const auto* read = std::get_if<audit::inventory::LineReader::Line>(&event)) {
      rollup.add(read->event, read->node);
    }
  }
  demand(verifier.lines() == lines.size(), "every line is read");
}

bool equal(const audit::inventory::Rows& one, const audit::inventory::Rows& other) {
  return one.size() == other.size() && std::all_of(one.begin(), one.end(), [&](const auto& row) {
           const auto found = other.find(row.first);
           return found != other.end() && found->second.counts == row.second.counts;
         });
}

// Lines of events with these octets in all their texts, chained.
std::vector<std::string> write(std::string_view octets) {
  std::size_t at = 0;
  const auto next = [&] {
    if (at >= octets.size()) at = 0;
    const auto end = std::min(octets.find('\0', at), octets.size());
    std::string piece(octets.substr(at, end - at));
    at = end + 1;
    return piece;
  };
  audit::LineWriter writer({"mail.example.com", "0.1.0"});
  std::vector<std::string> lines;
  std::string chain(audit::kChainBegin);
  audit::inventory::LineReader reader;
  for (const auto& body : every_event::full(next)) {
    const audit::Event event{{}, body};
    auto& line = lines.emplace_back();
    writer.append(line, event, lines.size(), chain);
    line.pop_back();
    chain = audit::chain_value_after(line);
    const auto read = reader.read(line);
    const auto* back = std::get_if<audit::inventory::LineReader::Line>(&read);
    demand((back != nullptr) == audit::inventory::is_for_inventory(event), "an event comes back");
    if (back == nullptr) continue;
    audit::inventory::Rollup live;
    audit::inventory::Rollup again;
    live.add(event, "mail.example.com");
    again.add(back->event, back->node);
    demand(equal(live.logins, again.logins) && equal(live.abandoned, again.abandoned) &&
               equal(live.handshake_failures, again.handshake_failures) &&
               live.fingerprints.size() == again.fingerprints.size(),
           "an event read back gives the same rows");
  }
  return lines;
}

int faults_in(const std::vector<std::string>& lines) {
  audit::ChainVerifier verifier;
  int faults = 0;
  for (const auto& line : lines) faults += verifier.feed(line) ? 1 : 0;
  return faults;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 8'192));
  const auto lines = lines_of(input);
  read(lines);
  auto written = write(lines.empty() ? std::string_view() : lines.back());
  demand(faults_in(written) == 0, "a log that nobody touched");
  if (size < 3) return 0;
  // The last line has none behind it that vouches for it.
  const std::size_t place = data[0] % (written.size() - 1);
  auto& line = written[place];
  switch (data[1] % 3) {
    case 0:
      line[data[2] % line.size()] ^= 1;
      break;
    case 1:
      written.erase(written.begin() + static_cast<std::ptrdiff_t>(place));
      if (place == 0) return 0;  // it may be a log that begins in the middle
      break;
    default:
      written.insert(written.begin() + static_cast<std::ptrdiff_t>(place), std::string(line));
      break;
  }
  demand(faults_in(written) > 0, "a log that somebody touched");
  return 0;
}
